// Bytes from peers that mean harm, or are broken: an error and a closed link, never more.
#include "runtime/transport/hello.hpp"
#include "runtime/transport/tcp_batch.hpp"
#include "runtime/transport/tcp_reader.hpp"
#include "tests/support/transport_kit.hpp"

#include <random>

namespace lagrange::tests {

using namespace runtime::transport;

namespace {

constexpr std::uint64_t credit_bytes = std::uint64_t{8} << 20;

patience patient() { return patience(std::chrono::steady_clock::now() + long_enough); }

std::span<const std::byte> bytes_of(const record& x) { return std::as_bytes(std::span(&x, 1)); }

record sealed(record x) {
  seal(x);
  return x;
}

byte_options options_of(byte_ways ways) {
  byte_options made;
  made.ways = ways;
  made.credit_bytes = credit_bytes;
  return made;
}

/// A stream of bytes that are there already, read in pieces of random size.
class prepared_stream final : public stream {
public:
  prepared_stream(std::vector<std::byte> bytes, std::uint64_t seed)
      : bytes_(std::move(bytes)), random_(seed) {}
  int pollable() const override { return -1; }
  bool has_pending() const override { return false; }
  transfer read(std::span<std::byte> to) override {
    if (at_ == bytes_.size()) return {transfer::state::closed, 0, {}};
    const auto most = std::min(to.size(), bytes_.size() - at_);
    const auto count = 1 + random_() % most;
    std::memcpy(to.data(), bytes_.data() + at_, count);
    at_ += count;
    return {transfer::state::moved, count, {}};
  }
  transfer write(std::span<const iovec> pieces) override {
    return {transfer::state::moved, pieces.front().iov_len, {}};
  }

private:
  std::vector<std::byte> bytes_;
  std::mt19937_64 random_;
  std::size_t at_ = 0;
};

/// What a link is to its reader, without the link.
struct heard final : tcp_events {
  bool admit(std::uint64_t payload_bytes) override {
    most_admitted = std::max(most_admitted, admitted += payload_bytes);
    return admitted <= credit_bytes;
  }
  std::shared_ptr<const void> keeper_of(block memory, std::uint64_t payload_bytes) override {
    const auto kept = std::make_shared<block>(std::move(memory));
    return std::shared_ptr<const void>(
        kept.get(), [this, kept, payload_bytes](const void*) { admitted -= payload_bytes; });
  }
  void on_frame(frame what) override { frames.push_back(std::move(what)); }
  void on_credit(std::uint64_t, std::uint32_t) override {}
  void on_want() override {}
  bool is_over() const override { return false; }
  std::uint64_t admitted = 0, most_admitted = 0;
  std::vector<frame> frames;
};

std::vector<frame> some_frames(std::mt19937_64& random) {
  std::vector<frame> made;
  for (std::uint16_t i = 0; i < 6; ++i) {
    std::vector<ops::tensor> payloads;
    for (auto left = random() % 3; left > 0; --left)
      payloads.push_back(random_bytes(random() % 90'000, random()));
    made.push_back(frame_of(i, static_cast<urgency>(random() % urgencies), std::move(payloads)));
  }
  made.push_back(frame_of(7, urgency::bulk, {random_bytes(1'300'000, random())}));
  return made;
}

std::vector<std::byte> on_the_wire(const std::vector<frame>& frames,
                                   checksums of = checksums::heads_and_payloads) {
  std::vector<std::byte> made;
  tcp_batch batch(of);
  const auto flush = [&] {
    batch.seal();
    for (const auto& [base, size] : batch.rest()) {
      const auto* first = static_cast<const std::byte*>(base);
      made.insert(made.end(), first, first + size);
    }
    batch.clear();
  };
  for (const auto& each : frames) {
    auto item = std::make_unique<outgoing>(frame(each));
    while (item->left_bytes() > limits::chunk_bytes_max) batch.add_chunk(*item), flush();
    batch.add_last(std::move(item));
    flush();
  }
  return made;
}

/// Reads to the end, or to what is refused.
transfer read_all(std::vector<std::byte> bytes, std::uint64_t seed, heard& to,
                  checksums of = checksums::heads_and_payloads) {
  const auto pool = std::make_shared<block_pool>(0);
  tcp_reader reader(*pool, to, of);
  prepared_stream from(std::move(bytes), seed);
  transfer last;
  do {
    last = reader.read(from);
  } while (last.what == transfer::state::moved);
  return last;
}

} // namespace

TEST_CASE("frames are read alike in whatever pieces they come", "[runtime][transport]") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto sent = some_frames(random);
    const auto of = seed % 2 == 0 ? checksums::heads : checksums::heads_and_payloads;
    heard to;
    CHECK(read_all(on_the_wire(sent, of), seed, to, of).what == transfer::state::closed);
    REQUIRE(to.frames.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK(is_same(to.frames[i], sent[i]));
  }
}

TEST_CASE("damaged bytes of TCP are refused, and nothing false is handed out",
          "[runtime][transport]") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto sent = some_frames(random);
    auto bytes = on_the_wire(sent);
    switch (seed % 4) {
    case 0: // a flipped bit
      bytes[random() % bytes.size()] ^= std::byte(1 << random() % 8);
      break;
    case 1: // a piece is missing
      bytes.erase(bytes.begin() + static_cast<long>(random() % (bytes.size() / 2)),
                  bytes.begin() + static_cast<long>(bytes.size() / 2));
      break;
    case 2: // noise
      for (auto& each : bytes) each = std::byte(random());
      break;
    default: // noise from somewhere on
      for (auto i = random() % bytes.size(); i < bytes.size(); ++i) bytes[i] = std::byte(random());
    }
    heard to;
    const auto last = read_all(std::move(bytes), seed, to);
    // What ends too early looks like any other end; all else is noticed.
    CHECK((last.what == transfer::state::failed || seed % 4 == 1));
    if (last.what == transfer::state::failed) CHECK(last.why.code == runtime::errc::bad_frame);
    CHECK(to.most_admitted <= credit_bytes);
    for (const auto& each : to.frames)
      CHECK(std::any_of(sent.begin(), sent.end(), [&](const auto& x) { return is_same(x, each); }));
  }
}

TEST_CASE("inside a host heads are checked, and payloads are not", "[runtime][transport]") {
  const auto sent = {frame_of(1, urgency::bulk, {random_bytes(60'000, 1)})};
  const auto read_damaged = [&](std::size_t at, checksums of) {
    auto bytes = on_the_wire(sent, of);
    bytes.at(at) ^= std::byte{1};
    heard to;
    return read_all(std::move(bytes), 1, to, of).what;
  };
  const auto in_head = record_bytes, in_payload = record_bytes + 50'000;
  CHECK(read_damaged(in_head, checksums::heads) == transfer::state::failed);
  CHECK(read_damaged(in_payload, checksums::heads) == transfer::state::closed);
  CHECK(read_damaged(in_payload, checksums::heads_and_payloads) == transfer::state::failed);
}

TEST_CASE("payloads are checked unless both sides run on one host", "[runtime][transport]") {
  const auto agreed_with = [](const record& theirs) {
    const auto bytes = bytes_of(theirs);
    prepared_stream from({bytes.begin(), bytes.end()}, 1);
    return say_hello(from, 1, patient()).value();
  };
  auto theirs = make_hello(1);
  CHECK(agreed_with(theirs) == checksums::heads);
  theirs.sizes[0] ^= 1; // another host
  CHECK(agreed_with(sealed(theirs)) == checksums::heads_and_payloads);
  theirs.sizes = {}; // one that does not know
  CHECK(agreed_with(sealed(theirs)) == checksums::heads_and_payloads);
}

TEST_CASE("a peer by TCP that breaks a rule is told by what it broke", "[runtime][transport]") {
  const auto broken = [](const std::vector<record>& records, const std::string& expected) {
    INFO(expected);
    party host(kind_of("tcp", options_of(byte_ways::tcp)));
    auto raw = call_tcp(host.at->where().ip, host.at->where().port, {}, patient().until()).value();
    REQUIRE(say_hello(*raw, credit_bytes, patient()));
    for (const auto& each : records) REQUIRE(send_all(*raw, bytes_of(each), patient()));
    REQUIRE(host.hears.wait_for_downs(1));
    const auto why = host.hears.downs().at(0).second;
    CHECK(why.code == runtime::errc::bad_frame);
    CHECK(why.text.find(expected) != std::string::npos);
    INFO(why.text);
    CHECK(host.hears.frames() == 0);
  };
  record large;
  large.type = record_type::frame;
  large.first = urgency::bulk;
  large.payloads = 1;
  large.sizes[0] = credit_bytes + 1;
  large.total = large.sizes[0];
  large.bytes = limits::chunk_bytes_max;
  broken({sealed(large)}, "no more than the credit that is left");
  auto half = large;
  half.sizes[0] = half.total = credit_bytes / 2 + 1;
  half.bytes = 77;
  broken({sealed(half)}, "a chunk is 77 bytes");
  record more;
  more.type = record_type::more;
  broken({sealed(more)}, "of a frame that never began");
  record credit;
  credit.type = record_type::credit;
  credit.total = 1;
  broken({sealed(credit)}, "no more than was taken");
  broken({make_hello(1)}, "a second hello");
  record none;
  broken({none}, "checksum");
}

} // namespace lagrange::tests
