// framed<T> through CAF: bytes between processes, a reference inside one.
#include "runtime/wire.hpp"
#include "tests/support/wire_samples.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/deep_to_string.hpp>

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

struct fixture {
  caf::actor_system_config config;
  caf::actor_system system{config.set("scheduler.max-threads", 1)};
};

template <class T>
std::vector<char> write(caf::actor_system& system, T& x) {
  std::vector<char> bytes;
  caf::binary_serializer sink(system, bytes);
  auto problem = sink(x);
  REQUIRE_FALSE(problem);
  return bytes;
}

template <class T>
T read(caf::actor_system& system, const std::vector<char>& bytes) {
  T x;
  caf::binary_deserializer source(system, bytes);
  auto problem = source(x);
  REQUIRE_FALSE(problem);
  return x;
}

} // namespace

TEST_CASE_METHOD(fixture, "a framed message crosses CAF's serializers unchanged",
                 "[actors][wire]") {
  framed<gradient_push> sent(sample_push(push_verdict::apply));
  const auto got = read<framed<gradient_push>>(system, write(system, sent));
  REQUIRE(got);
  CHECK(got->from == sent->from);
  CHECK(got->what == sent->what);
  CHECK(is_same(got->gradient, sent->gradient));
  CHECK(got->gradient.bytes() != sent->gradient.bytes());

  framed<lease_grant> grant(sample_grant(grant_kind::batch));
  CHECK(is_same(read<framed<lease_grant>>(system, write(system, grant))->samples.inputs,
                grant->samples.inputs));
  framed<pull_request> request(sample_request());
  CHECK(read<framed<pull_request>>(system, write(system, request))->held == request->held);
  framed<pull_reply> reply(sample_reply(7));
  CHECK(is_same(read<framed<pull_reply>>(system, write(system, reply))->parameters,
                reply->parameters));
}

TEST_CASE_METHOD(fixture, "bytes that are no frame arrive as a defect, not as a failed read",
                 "[actors][wire]") {
  framed<gradient_push> sent(sample_push(push_verdict::apply));
  auto bytes = write(system, sent);
  bytes.back() ^= 1;
  const auto got = read<framed<gradient_push>>(system, bytes);
  CHECK_FALSE(got);
  CHECK(got.defect.code == errc::bad_frame);
  CHECK_THAT(got.defect.text, Catch::Contains("checksum"));
  CHECK_THROWS_AS(*got, ops::contract_error);

  const auto other_kind = read<framed<pull_reply>>(system, write(system, sent));
  CHECK_THAT(other_kind.defect.text, Catch::Contains("kind is 3 (gradient push)"));

  framed<gradient_push> nothing;
  const auto still_nothing = read<framed<gradient_push>>(system, write(system, nothing));
  CHECK_FALSE(still_nothing);
  CHECK(still_nothing.defect.code == errc::bad_frame);
}

TEST_CASE("inside a process a framed message is a reference", "[actors][wire]") {
  const framed<pull_reply> sent(sample_reply(100));
  const framed<pull_reply> got = sent;
  CHECK(&*got == &*sent);
  CHECK(got->parameters.bytes() == sent->parameters.bytes());
}

TEST_CASE("a framed message in a log shows no bytes", "[actors][wire]") {
  const framed<pull_reply> sent(sample_reply(100));
  CHECK(caf::deep_to_string(sent) == "frame");
}
