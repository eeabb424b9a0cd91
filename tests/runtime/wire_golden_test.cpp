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
constexpr const char* golden_grant = "4c475246010000005001000000000000\n"
                                     "eb5e451c000000000200000021000000\n"
                                     "03000000010000000000000003000300\n"
                                     "0c000000000000000000000000000000\n"
                                     "0d000000000000000800000004000000\n"
                                     "14000000040000002000000001000200\n"
                                     "88776655443322110300000001000000\n"
                                     "04000000000000000500000006000000\n"
                                     "4d000000000000000200000001000000\n"
                                     "13000000000000000400000000000000\n"
                                     "00008000000080bf0400000001000200\n"
                                     "24000000010002000400000000000000\n"
                                     "0500000025000000ce00000000000000\n"
                                     "02000000000000000300000000000000\n"
                                     "03000000000000000100000000000000\n"
                                     "02000000010000000100000092000000\n"
                                     "0300000000000000050000000d000000\n"
                                     "fe000000000000000200000000000000\n"
                                     "02000000020000000100000042000000\n"
                                     "fafbfcfdfeff00010203040506070809\n"
                                     "0a0b0000000000000900000004000000\n";

// PullRequest, Stamp
constexpr const char* golden_request = "4c475246010001006800000000000000\n"
                                       "193010fb000000000000000009000000\n"
                                       "00000000030001001500000000000000\n"
                                       "02000000000000001600000000000000\n"
                                       "00000000040000008877665544332211\n"
                                       "03000000010000000400000000000000\n"
                                       "0500000006000000\n";

// PullReply, Stamp, Tensor
constexpr const char* golden_reply = "4c47524601000200b800000000000000\n"
                                     "fc023c45000000000100000010000000\n"
                                     "02000000000000000000000003000200\n"
                                     "1f000000000000002000000000000000\n"
                                     "01000000000000000400000004000000\n"
                                     "10000000010002008877665544332211\n"
                                     "03000000010000000400000000000000\n"
                                     "05000000060000000000000000000000\n"
                                     "050000000d0000007600000000000000\n"
                                     "03000000000000000200000001000000\n"
                                     "01000000620000000000a0bf000080bf\n"
                                     "000040bf00000000\n";

// GradientPush, Stamp, Lease, Tensor
constexpr const char* golden_push = "4c475246010003000001000000000000\n"
                                    "62456934000000000100000018000000\n"
                                    "03000000000000000000000006000300\n"
                                    "29000000000000002a00000000000000\n"
                                    "0200000003000000e803000000000000\n"
                                    "00000000400000000000c00000000000\n"
                                    "08000000040000001400000004000000\n"
                                    "20000000010002008877665544332211\n"
                                    "03000000010000000400000000000000\n"
                                    "05000000060000004d00000000000000\n"
                                    "02000000010000001300000000000000\n"
                                    "04000000000000000000000000000000\n"
                                    "050000000d000000b600000000000000\n"
                                    "05000000000000000200000001000000\n"
                                    "01000000a20000000000a0bf000080bf\n"
                                    "000040bf000000bf000080be00000000\n";

// GradientPush, Stamp, Lease, Tensor with a codec
constexpr const char* golden_coded_push = "";
// LeaseRequest, Stamp
constexpr const char* golden_lease_request = "";
// PushAck, Stamp
constexpr const char* golden_ack = "";
// SnapshotRequest, Stamp
constexpr const char* golden_snapshot = "";
// Rejection
constexpr const char* golden_rejection = "";

} // namespace

TEST_CASE("frames have the bytes of protocol version 2", "[runtime][wire]") {
  CHECK(protocol_version == 2);
  CHECK(to_hex(to_bytes(encode(sample_grant(grant_kind::batch)))) == golden_grant);
  CHECK(to_hex(to_bytes(encode(sample_request()))) == golden_request);
  CHECK(to_hex(to_bytes(encode(sample_reply(3)))) == golden_reply);
  CHECK(to_hex(to_bytes(encode(sample_push(push_verdict::apply)))) == golden_push);
  CHECK(to_hex(to_bytes(encode(sample_coded_push()))) == golden_coded_push);
  CHECK(to_hex(to_bytes(encode(sample_lease_request()))) == golden_lease_request);
  CHECK(to_hex(to_bytes(encode(sample_ack()))) == golden_ack);
  CHECK(to_hex(to_bytes(encode(snapshot_request{sample_stamp(), 5}))) == golden_snapshot);
  CHECK(to_hex(to_bytes(encode(rejection{{errc::fenced, "no"}}))) == golden_rejection);
}

TEST_CASE("the same message has the same bytes every time", "[runtime][wire]") {
  CHECK(to_bytes(encode(sample_push(push_verdict::apply))) ==
        to_bytes(encode(sample_push(push_verdict::apply))));
}
