# What workers, shards, the feeder and the supervisor exchange when a tensor is in it, or waits for
# one.
#
# A frame is one Cap'n Proto message whose root is the struct of the frame's kind. Its first segment
# is small; the elements of each tensor are a segment of their own, so that a sender refers to them
# where they are and a receiver leaves them where they came. How segments travel is the business of
# runtime/transport/ (record.hpp there describes the bytes).
@0xe8d2f4a1703b5c96;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("lagrange::schema");

using import "tensor.capnp".Tensor;

# Raised whenever a reader of the old layout would misread the new one.
const protocolVersion :UInt16 = 7;

enum FrameKind {
  leaseGrant @0;
  pullRequest @1;
  pullReply @2;
  gradientPush @3;
  leaseRequest @4;
  pushAck @5;
  snapshotRequest @6;
  rejection @7;
  shardInput @8;
  inputAck @9;
  shardFilling @10;
}

enum ActorRole {
  supervisor @0;
  worker @1;
  shard @2;
  feeder @3;
  evaluator @4;
  replica @5;
}

# Who speaks, and as what. Receivers refuse other jobs, lower terms and fenced incarnations.
struct Stamp {
  job @0 :UInt64;     # random, drawn when the job starts
  term @1 :UInt32;    # of the supervisor that the sender obeys
  view @2 :UInt64;    # newest membership view that the sender has seen
  role @3 :ActorRole; # with `index`: the sender's name, as in "worker-2"
  index @4 :UInt32;
  life @5 :UInt32;    # incarnation of the sender, counted from 1
}

# The right and duty to get some samples applied.
struct Lease {
  id @0 :UInt64;        # position in the whole job, from 0
  attempt @1 :UInt32;   # how often it has been dealt, from 1
  epoch @2 :UInt32;
  round @3 :UInt64;     # under a round policy, otherwise 0
  roundSize @4 :UInt32; # leases of that round; 0: no round
  batches @5 :UInt32 = 1; # ids that it stands for, from its own on; at least 1
  cut @6 :UInt32;       # cuts of the job that were drawn before it was dealt
}

# Samples as the data set stores them. A network sees inputs * scale + shift.
struct Batch {
  inputs @0 :Tensor; # u8, f32 or i32 [B, ...]; i32 ones are seen as they are
  labels @1 :Tensor; # i32 [B], or [B, T] with inputs [B, T]
  scale @2 :Float32 = 1; # finite
  shift @3 :Float32;     # finite
}

enum Standing {
  joining @0; # first request of this incarnation
  working @1;
  idle @2;    # has left the clock table; waits in case a lease is dealt again
}

# Worker to feeder: asks for a lease.
struct LeaseRequest {
  from @0 :Stamp;
  sequence @1 :UInt64; # numbers the requests of one incarnation
  clock @2 :UInt64;
  state @3 :Standing;
  batchTime @4 :UInt64; # nanoseconds of computing for one of a lease's ids; 0: not known yet
}

enum GrantKind {
  batch @0;    # compute this
  tick @1;     # no lease is left in this round: push an empty tick
  idle @2;     # no lease is left: leave the clock table, ask again as idle
  finished @3; # every lease is closed
  discard @4;  # the feeder gives the lease up: compute nothing, push that
}

# Feeder to worker: the answer to a request for a lease.
struct LeaseGrant {
  from @0 :Stamp;
  sequence @1 :UInt64; # of the request it answers
  kind @2 :GrantKind;
  what @3 :Lease;
  clock @4 :UInt64;    # at which the lease is read, the tick is made, or the joiner starts
  samples @5 :Batch;   # null unless kind is batch
}

# Some rows of the tables of which a shard has a part, by their number in that part.
struct TableRows {
  counts @0 :List(UInt32); # so many of each table, in the order of the model; at most 32 tables
  rows @1 :Tensor;         # i32 [K]: those of the first table, ascending, then those of the next
}

# Worker to shard: asks for parameters.
struct PullRequest {
  from @0 :Stamp;
  clock @1 :UInt64;    # at which the answer is used
  heldLife @2 :UInt32; # incarnation of the shard that the worker's copy came from; 0: no copy
  held @3 :UInt64;     # version of the worker's copy
  rows @4 :TableRows;  # that the answer is to bring; null: none
}

# Shard to worker: parameters.
struct PullReply {
  from @0 :Stamp;
  clock @1 :UInt64;      # of the request
  version @2 :UInt64;    # of the parameters
  changed @3 :Bool;      # false: the held copy is current
  parameters @4 :Tensor; # f32 [n], the shard's parameters one after another; null unless changed
  blocks @5 :Tensor;     # i32 [k]: `parameters` holds only these blocks of 1024 elements, ascending;
                         # null: it holds all
  taken @6 :Lease;       # of the last push of the one who asks that this shard has taken
  samples @7 :UInt64;    # of the gradients in the parameters
  takenBefore @8 :Lease; # of the push before `taken` that this shard has taken of the one who asks
  rows @9 :Tensor;       # f32 [M], the rows that were asked for, as they are now, one after another;
                         # null: none were
  cut @10 :UInt32;       # cuts of the job that the shard had made when it served this
}

# What is to become of a push.
enum PushVerdict {
  apply @0;
  skip @1;  # the gradient was dropped (NaN, overflow): settle the lease, change nothing
  tick @2;  # no lease: only the clock moves
  leave @3; # no lease: the worker leaves the clock table until its next pull
  discard @4; # the feeder gave the lease up: settle it, change nothing
}

# Worker to shard: one frame of a push, which is whole when all its frames have come.
struct GradientPush {
  from @0 :Stamp;
  clock @1 :UInt64;     # of the step that made it
  what @2 :Lease;       # meaningless for tick and leave
  read @3 :UInt64;      # version that the gradient was computed from
  frame @4 :UInt32;     # below `frames`; number 0 has the last elements of the shard's blocks
  frames @5 :UInt32;    # at least 1
  first @6 :UInt64;     # position of this frame's first element in the shard's blocks
  gradient @7 :Tensor;  # f32 [m]; null for skip, tick and leave
  # The rest counts in the closing frame (frame = frames - 1) alone.
  verdict @8 :PushVerdict;
  samples @9 :UInt32;   # that the gradient is the mean of
  clipScale @10 :Float32 = 1; # from 0 to 1; the gradient is multiplied by it when it is applied
  # Of every frame again:
  rows @11 :TableRows;  # whose gradients this frame brings; null: none
  rowGradient @12 :Tensor; # f32 [M], one row after another; null: none
  cut @13 :UInt32;      # cuts of the job before the step; the same in all frames, to all shards
}

enum PushOutcome {
  partial @0;   # more frames are needed
  taken @1;     # whole: applied, or kept for its round
  duplicate @2; # the lease had been taken from somebody else
}

# Shard to worker: the answer to a frame of a push.
struct PushAck {
  from @0 :Stamp;
  lease @1 :UInt64;
  attempt @2 :UInt32; # 0 for tick and leave
  outcome @3 :PushOutcome;
  clock @4 :UInt64;
  version @5 :UInt64;
  cut @6 :UInt32;     # cuts of the job that the shard had made when it took the push
}

# Supervisor to shard: asks for what it holds now. Answered by a PullReply.
struct SnapshotRequest {
  from @0 :Stamp;
  sequence @1 :UInt64; # comes back as the reply's clock
  rows @2 :TableRows;  # the answer is to bring these and nothing else; null: all but the tables
}

# To whoever asked for what cannot be.
struct Rejection {
  code @0 :UInt8; # errc of runtime/error.hpp
  text @1 :Text;
}

enum InputKind {
  pull @0;
  push @1;
  view @2;
  closing @3;    # of a round, by the feeder
  switching @4;  # of the policy
  settled @5;    # the feeder acknowledged a settlement
  note @6;       # the shard noted the state of its parameters
  settlement @7; # the shard made its next settlement
}

# Shard to its replica: something that may change what the shard holds. A pull or a push follows
# behind the words of this message: the head of its own frame, whose payloads are this frame's.
struct ShardInput {
  from @0 :Stamp;       # the shard
  sequence @1 :UInt64;  # from 1, without gaps
  now @2 :Int64;        # nanoseconds of the shard's clock
  records @3 :UInt64;   # in the shard's journal when this was sent
  kind @4 :InputKind;
  words @5 :UInt32;     # of the head behind these words, for pull and push
  by @6 :Stamp;         # who said it to the shard; of a view its number is in here
  number @7 :UInt64;    # of the round, the switch or the settlement
  phase @8 :UInt8;      # of a switch
  first @9 :UInt64;     # clock of a switch
  policy @10 :Text;     # of a switch
  members @11 :UInt32;  # of a closing: so many leases of `numbers` are in, the rest is left out
  numbers @12 :Tensor;  # i32 [4k], view: worker, life, whether it lives, whether it was fenced;
                        # i32 [2k], closing: the lower and the upper half of leases; null: none
}

# Replica to its shard: all up to this has been done alike.
struct InputAck {
  from @0 :Stamp;
  sequence @1 :UInt64;
}

# Shard to a replica that begins in the middle: a piece of what the shard holds. Pieces come in
# order; each is acknowledged by how many have come.
struct ShardFilling {
  from @0 :Stamp;      # the shard
  sequence @1 :UInt64; # inputs that are in it
  records @2 :UInt64;  # in the shard's journal then
  array @3 :UInt32;    # which of the arrays: those of its state, then its numbers
  first @4 :UInt64;    # byte of the array
  isLast @5 :Bool;     # of all pieces
  bytes @6 :Tensor;    # u8 [N]; null: the array is empty
}
