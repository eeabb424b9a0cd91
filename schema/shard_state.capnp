# What an actor adds to a cut of a running job: a part of a checkpoint.
#
# A part is a file of three pieces, all numbers little-endian:
#
#   head, 16 bytes   magic "LGRPART\0" (8), format version (4): any other than the reader's own is
#                    refused, naming both; zero (4)
#   body             one zstd frame
#   tail, 48 bytes   length of the whole file in bytes (8), SHA-256 of all before the tail (32),
#                    "LGREND\0\0" (8)
#
# The body holds the length of a message in bytes (8), the message, a Part in the standard stream
# framing, and then the arrays that the message counts, one after another without gaps: of f32, or
# where it says so of i32 or u8. Those of a shard in this order: values, optimizer, compensation;
# then of each table rows (i32), values, optimizer.
@0x8caf1be5791edce4;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("lagrange::schema");

# Raised whenever a reader of the old layout would misread the new one.
const partVersion :UInt32 = 1;

# A part of an optimizer's state.
struct StateArray {
  name @0 :Text;       # as in "first_moment"
  elements @1 :UInt64; # one, or as many as the values that it belongs to
}

# A watermark with exceptions: all below it, and ranges above it, by their begins and ends.
struct LeaseSet {
  watermark @0 :UInt64;
  begins @1 :List(UInt64);
  ends @2 :List(UInt64);
}

# The shard's rows of a table.
struct TableState {
  tensor @0 :UInt32; # of the model
  rows @1 :UInt64;   # that the shard has
  width @2 :UInt32;  # elements of a row
  isPartial @3 :Bool; # whether only some rows are here; the others are in the part of the base
  present @4 :UInt64; # rows that are here
  optimizer @5 :List(StateArray);
}

# A policy that was switched to, and the clock from which on it judges.
struct Ruling {
  first @0 :UInt64;
  policy @1 :Text; # as in "ssp:8"
}

# The pushes of a worker that were taken last, the last first. Attempt 0: none.
struct TakenLast {
  worker @0 :UInt32;
  lease @1 :UInt64;
  attempt @2 :UInt32;
  leaseBefore @3 :UInt64;
  attemptBefore @4 :UInt32;
}

struct ShardCounts {
  applied @0 :UInt64;
  entered @1 :UInt64;
  dropped @2 :UInt64;
  duplicates @3 :UInt64;
  lagMax @4 :UInt64;
  staleness @5 :List(UInt64);       # updates by staleness
  stalenessRecent @6 :List(UInt64); # by worker
  lagRecent @7 :List(UInt64);       # by worker
}

struct ShardState {
  shard @0 :UInt32;
  shards @1 :UInt32; # of the job
  cut @2 :UInt32;
  base @3 :UInt32;    # cut whose part has the rows that are not here; 0: all are here
  version @4 :UInt64; # updates that are in the values
  records @5 :UInt64; # in the journal of its term before the cut
  samples @6 :UInt64; # of the updates: where the schedule of the rate was
  elements @7 :UInt64; # of the values
  optimizer @8 :List(StateArray);
  compensation @9 :UInt64; # elements
  tables @10 :List(TableState);
  taken @11 :LeaseSet;
  entered @12 :LeaseSet;
  clock @13 :UInt64; # at which every worker starts
  round @14 :UInt64;
  rulings @15 :List(Ruling);
  takenLast @16 :List(TakenLast);
  counts @17 :ShardCounts;
}

# What a worker's codec has not sent yet.
struct ResidualState {
  worker @0 :UInt32;
  cut @1 :UInt32;
  bytes @2 :UInt64; # u8: the worker's memory, as runtime/residual lays it out
}

struct Part {
  union {
    shard @0 :ShardState;
    residual @1 :ResidualState;
  }
}
