// The bytes of every struct of schema/tensor.capnp and schema/frame.capnp: a change of layout turns
// these red, and then protocol_version is to be raised. Head first, then the payloads.
#include "runtime/wire.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

// LeaseGrant, Stamp, Lease, Batch, Tensor
constexpr const char* golden_grant = "00000000030003000c00000000000000\n"
                                     "00000000000000000d00000000000000\n"
                                     "08000000040000001400000005000000\n"
                                     "24000000010002008877665544332211\n"
                                     "03000000010000000400000000000000\n"
                                     "05000000060000004d00000000000000\n"
                                     "02000000010000001300000000000000\n"
                                     "04000000020000000800000000000000\n"
                                     "00008000000080bf0400000001000300\n"
                                     "28000000010003000400000000000000\n"
                                     "0900000025000000de00000000000000\n"
                                     "00000000000000000200000000000000\n"
                                     "03000000000000000300000000000000\n"
                                     "01000000000000000200000001000000\n"
                                     "01000000920000000300000000000000\n"
                                     "090000000d0000001601000000000000\n"
                                     "00000000000000000200000000000000\n"
                                     "02000000020000000100000042000000\n"
                                     "fafbfcfdfeff00010203040506070809\n"
                                     "0a0b0900000004000000\n";

// PullRequest, Stamp
constexpr const char* golden_request = "00000000030002001500000000000000\n"
                                       "02000000000000001600000000000000\n"
                                       "04000000040000000000000000000000\n"
                                       "88776655443322110300000001000000\n"
                                       "04000000000000000500000006000000\n";

// PullRequest, Stamp, TableRows, Tensor
constexpr const char* golden_row_request = "00000000030002001500000000000000\n"
                                           "02000000000000001600000000000000\n"
                                           "04000000040000001000000000000200\n"
                                           "88776655443322110300000001000000\n"
                                           "04000000000000000500000006000000\n"
                                           "050000001c0000000800000001000300\n"
                                           "02000000000000000100000000000000\n"
                                           "0300000000000000090000000d000000\n"
                                           "9e000000000000000000000000000000\n"
                                           "03000000000000000200000001000000\n"
                                           "01000000620000000100000005000000\n"
                                           "03000000\n";

// PullReply, Stamp, Tensor
constexpr const char* golden_reply = "00000000040006001f00000000000000\n"
                                     "20000000000000000100000023000000\n"
                                     "22000000000000001400000004000000\n"
                                     "20000000010003000000000000000000\n"
                                     "34000000050000004400000005000000\n"
                                     "00000000000000008877665544332211\n"
                                     "03000000010000000400000000000000\n"
                                     "05000000060000000000000000000000\n"
                                     "090000000d000000a600000000000000\n"
                                     "00000000000000000300000000000000\n"
                                     "02000000010000000100000062000000\n"
                                     "21000000000000000200000000000000\n"
                                     "00000000000000000000000000000000\n"
                                     "00000000000000001f00000000000000\n"
                                     "01000000000000000000000000000000\n"
                                     "00000000000000000000000000000000\n"
                                     "0000a0bf000080bf000040bf\n";

// PullReply, Stamp, Tensor of rows
constexpr const char* golden_row_reply = "00000000040006001f00000000000000\n"
                                         "20000000000000000000000023000000\n"
                                         "22000000000000001400000004000000\n"
                                         "00000000000000000000000000000000\n"
                                         "18000000050000002800000005000000\n"
                                         "38000000010003008877665544332211\n"
                                         "03000000010000000400000000000000\n"
                                         "05000000060000002100000000000000\n"
                                         "02000000000000000000000000000000\n"
                                         "00000000000000000000000000000000\n"
                                         "1f000000000000000100000000000000\n"
                                         "00000000000000000000000000000000\n"
                                         "00000000000000000000000000000000\n"
                                         "090000000d000000f600000000000000\n"
                                         "00000000000000000300000000000000\n"
                                         "02000000010000000100000062000000\n"
                                         "0000a0bf000080bf000040bf\n";

// GradientPush, Stamp, Lease, TableRows, Tensors
constexpr const char* golden_row_push = "00000000060005002900000000000000\n"
                                        "2a000000000000000200000003000000\n"
                                        "e8030000000000000000000040000000\n"
                                        "0000c000410000001000000004000000\n"
                                        "1c000000050000000000000000000000\n"
                                        "28000000000002005000000001000300\n"
                                        "88776655443322110300000001000000\n"
                                        "04000000000000000500000006000000\n"
                                        "4d000000000000000200000001000000\n"
                                        "13000000000000000400000002000000\n"
                                        "0800000000000000050000001c000000\n"
                                        "08000000010003000200000000000000\n"
                                        "01000000000000000300000000000000\n"
                                        "090000000d000000f600000000000000\n"
                                        "00000000000000000300000000000000\n"
                                        "02000000010000000100000062000000\n"
                                        "0000000000000000090000000d000000\n"
                                        "2e010000000000000000000000000000\n"
                                        "05000000000000000200000002000000\n"
                                        "01000000a20000000100000005000000\n"
                                        "030000000000a0bf000080bf000040bf\n"
                                        "000000bf000080be\n";

// GradientPush, Stamp, Lease, Tensor
constexpr const char* golden_push = "00000000060005002900000000000000\n"
                                    "2a000000000000000200000003000000\n"
                                    "e8030000000000000000000040000000\n"
                                    "0000c000410000001000000004000000\n"
                                    "1c000000050000002c00000001000300\n"
                                    "00000000000000000000000000000000\n"
                                    "88776655443322110300000001000000\n"
                                    "04000000000000000500000006000000\n"
                                    "4d000000000000000200000001000000\n"
                                    "13000000000000000400000002000000\n"
                                    "08000000000000000000000000000000\n"
                                    "090000000d000000d600000000000000\n"
                                    "00000000000000000500000000000000\n"
                                    "020000000100000001000000a2000000\n"
                                    "0000a0bf000080bf000040bf000000bf\n"
                                    "000080be\n";

// GradientPush, Stamp, Lease, Tensor with a codec
constexpr const char* golden_coded_push = "00000000060005002900000000000000\n"
                                          "2a000000000000000200000003000000\n"
                                          "e8030000000000000000000040000000\n"
                                          "0000c000410000001000000004000000\n"
                                          "1c000000050000002c00000001000300\n"
                                          "00000000000000000000000000000000\n"
                                          "88776655443322110300000001000000\n"
                                          "04000000000000000500000006000000\n"
                                          "4d000000000000000200000001000000\n"
                                          "13000000000000000400000002000000\n"
                                          "08000000000000000000010000000000\n"
                                          "150000000d000000ee00000000000000\n"
                                          "010000008a000000746f706b3a302e30\n"
                                          "31207c20696e74380000000000000000\n"
                                          "f4010000000000000200000001000000\n"
                                          "010000005a00000024b58ab38081869f\n"
                                          "1c8dc2\n";
// LeaseRequest, Stamp
constexpr const char* golden_lease_request = "00000000040001000e00000000000000\n"
                                             "0f000000000000000100000000000000\n"
                                             "10000000000000000000000004000000\n"
                                             "88776655443322110300000001000000\n"
                                             "04000000000000000500000006000000\n";
// PushAck, Stamp
constexpr const char* golden_ack = "00000000050001003300000000000000\n"
                                   "02000000020000003400000000000000\n"
                                   "35000000000000003600000000000000\n"
                                   "00000000040000008877665544332211\n"
                                   "03000000010000000400000000000000\n"
                                   "0500000006000000\n";
// SnapshotRequest, Stamp
constexpr const char* golden_snapshot = "00000000010002000500000000000000\n"
                                        "04000000040000000000000000000000\n"
                                        "88776655443322110300000001000000\n"
                                        "04000000000000000500000006000000\n";
// SnapshotRequest, Stamp, TableRows, Tensor
constexpr const char* golden_row_snapshot = "00000000010002000500000000000000\n"
                                            "04000000040000001000000000000200\n"
                                            "88776655443322110300000001000000\n"
                                            "04000000000000000500000006000000\n"
                                            "050000001c0000000800000001000300\n"
                                            "02000000000000000100000000000000\n"
                                            "0300000000000000090000000d000000\n"
                                            "8e000000000000000000000000000000\n"
                                            "03000000000000000200000001000000\n"
                                            "01000000620000000100000005000000\n"
                                            "03000000\n";
// Rejection
constexpr const char* golden_rejection = "00000000010001000400000000000000\n"
                                         "010000001a0000006e6f000000000000\n";
// ShardInput, Stamp; behind them the head of a PullRequest
constexpr const char* golden_input = "";
// ShardInput, Stamp, Stamp, Tensor
constexpr const char* golden_closing = "";
// InputAck, Stamp
constexpr const char* golden_input_ack = "";

} // namespace

TEST_CASE("frames have the bytes of protocol version 7", "[runtime][wire]") {
  CHECK(protocol_version == 7);
  CHECK(to_hex(to_bytes(encode(sample_grant(grant_kind::batch)))) == golden_grant);
  CHECK(to_hex(to_bytes(encode(sample_request()))) == golden_request);
  CHECK(to_hex(to_bytes(encode(sample_row_request()))) == golden_row_request);
  CHECK(to_hex(to_bytes(encode(sample_reply(3)))) == golden_reply);
  CHECK(to_hex(to_bytes(encode(sample_row_reply()))) == golden_row_reply);
  CHECK(to_hex(to_bytes(encode(sample_push(push_verdict::apply)))) == golden_push);
  CHECK(to_hex(to_bytes(encode(sample_row_push()))) == golden_row_push);
  CHECK(to_hex(to_bytes(encode(sample_coded_push()))) == golden_coded_push);
  CHECK(to_hex(to_bytes(encode(sample_lease_request()))) == golden_lease_request);
  CHECK(to_hex(to_bytes(encode(sample_ack()))) == golden_ack);
  CHECK(to_hex(to_bytes(encode(snapshot_request{sample_stamp(), 5, {}}))) == golden_snapshot);
  CHECK(to_hex(to_bytes(encode(snapshot_request{sample_stamp(), 5, sample_rows()}))) ==
        golden_row_snapshot);
  CHECK(to_hex(to_bytes(encode(rejection{{errc::fenced, "no"}}))) == golden_rejection);
  CHECK(to_hex(to_bytes(encode(sample_input(sample_request())))) == golden_input);
  CHECK(to_hex(to_bytes(encode(sample_input(sample_closing())))) == golden_closing);
  CHECK(to_hex(to_bytes(encode(input_ack{sample_stamp(), 7}))) == golden_input_ack);
}

TEST_CASE("the same message has the same bytes every time", "[runtime][wire]") {
  CHECK(to_bytes(encode(sample_push(push_verdict::apply))) ==
        to_bytes(encode(sample_push(push_verdict::apply))));
}
