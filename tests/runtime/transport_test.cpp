// Every law of endpoint.hpp, for every kind of endpoint between processes.
#include "runtime/transport/byte_endpoint.hpp"
#include "tests/support/transport_kit.hpp"

namespace lagrange::tests {

namespace {

using transport::urgency;

constexpr std::uint64_t credit_bytes = std::uint64_t{128} << 20;

endpoint_kind kind_of(std::string name, transport::byte_ways ways) {
  return {std::move(name),
          [=](transport::receiver& to) {
            transport::byte_options options;
            options.ways = ways;
            options.credit_bytes = credit_bytes;
            return transport::make_byte_endpoint(options, to).value();
          },
          credit_bytes};
}

const endpoint_kind kinds[] = {kind_of("tcp", transport::byte_ways::tcp),
                               kind_of("shared memory", transport::byte_ways::shared_memory)};

} // namespace

TEST_CASE("a frame of any size arrives once, bit for bit", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    INFO(kind.name);
    party a(kind), b(kind);
    b.hears.keep();
    const auto link = a.at->connect(b.at->where()).value();
    std::vector<transport::frame> sent;
    std::uint16_t number = 0;
    for (const std::size_t bytes : {0, 1, 7, 8, 63, 64, 65, 4095, 4096, 8191, 8192, 8193, 65535,
                                    65536, 65537, 1 << 20, (1 << 20) + 1, 5'000'001, 16 << 20}) {
      sent.push_back(frame_of(++number, urgency::gradients, {bytes_of(bytes, number)}));
      sent.push_back(frame_of(++number, urgency::gradients,
                              {bytes_of(bytes, number), bytes_of(17, number), bytes_of(9000, 1)}));
    }
    sent.push_back(frame_of(++number, urgency::gradients));
    for (const auto& each : sent) REQUIRE(send_all(*a.at, link, each));
    REQUIRE(b.hears.wait_for_frames(sent.size()));
    const auto came = b.hears.take();
    REQUIRE(came.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK(is_same(came[i].what, sent[i]));
  }
}

} // namespace lagrange::tests
