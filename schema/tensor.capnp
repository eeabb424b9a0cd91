# Tensors as bytes. The numbers of DType are those of ops::dtype.
@0xb3a1c5d96e0f4721;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("lagrange::schema");

enum DType {
  f32 @0;
  f16 @1;
  bf16 @2;
  i32 @3;
  u8 @4;
}

# How the elements became `data`.
enum Encoding {
  plain @0; # the elements themselves, row-major, little-endian
  coded @1; # what the codec named by `codec` made of them; a reader refuses those it does not expect
}

# A null pointer to a Tensor means "no tensor", which is not the same as one of no elements.
struct Tensor {
  type @0 :DType;            # of the elements once decoded
  encoding @1 :Encoding;     # of `data`
  extents @2 :List(Int64);   # outermost first; at most six, none negative; no extent: a scalar
  data @3 :Data;             # plain: exactly elements * size of one element
  codec @4 :Text;            # as in "topk:0.01 | int8"; empty when plain
}
