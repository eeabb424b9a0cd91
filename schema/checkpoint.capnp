# What a run leaves behind so that it can go on, be evaluated or be exported.
#
# A checkpoint is a fixed header of 64 bytes, little-endian, followed by one Cap'n Proto message in
# the standard stream framing, whose root is a Checkpoint:
#
#   offset  bytes  field
#        0      8  magic "LGRCKPT\0"
#        8      4  format version: any other than the reader's own is refused, naming both
#       12      4  zero
#       16      8  length of the whole file, header included, in bytes
#       24     32  SHA-256 of everything after the header
#       56      8  zero
@0x9f4e27b8c3d1a605;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("lagrange::schema");

# Raised whenever a reader of the old layout would misread the new one.
const checkpointVersion :UInt32 = 1;

# One parameter of the model. Its elements follow those of the one before it.
struct Parameter {
  name @0 :Text;           # as in "conv1.weight"
  extents @1 :List(Int64); # outermost first
}

# How far one shard was.
struct ShardState {
  shard @0 :UInt32;
  version @1 :UInt64; # updates that are in the values
  samples @2 :UInt64; # of those updates: where the schedule of the rate was
}

struct Checkpoint {
  job @0 :Text;    # name of the job
  model @1 :Text;  # name of the model
  build @2 :Text;  # id of the program that wrote it
  seed @3 :UInt64; # of the job
  config @4 :Text; # the resolved config, TOML
  shards @5 :List(ShardState);
  parameters @6 :List(Parameter);
  values @7 :List(Data); # f32, little-endian, all parameters in order, cut into pieces; a piece
                         # ends between two elements and stays below the 512 MiB that Data may hold
}
