// The residual when a worker dies at any instruction, and what it refuses.
#include "runtime/residual.hpp"

#include "ops/contract.hpp"
#include "tests/support/fresh_memory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <functional>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lagrange::runtime {

namespace {

using tests::fresh_memory;

const std::vector<std::size_t> sizes{17, 300};

/// Pushes so many times residuals that are easy to tell apart.
residual pushed(const fresh_memory& memory, std::span<const std::size_t> elements,
                std::uint32_t pushes) {
  auto made = residual::open(memory.bytes(), elements).value();
  for (std::uint32_t q = 1; q <= pushes; ++q) {
    made.begin({q}, {{q}, {1}});
    for (std::uint32_t shard = 0; shard < elements.size(); ++shard)
      for (std::size_t i = 0; auto& value : made.after({shard}))
        value = std::ldexp(static_cast<float>(++i), static_cast<int>(4 * q));
    made.end({q});
  }
  return made;
}

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

/// Every state of the memory while `work` is done, instruction by instruction: what a kill -9 at
/// that instruction would leave. Empty: this machine lets nobody trace.
std::vector<std::vector<std::byte>> states_during(const fresh_memory& memory, auto work) {
  std::vector<std::vector<std::byte>> states;
  const auto child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  REQUIRE(child > 0);
  const auto now = memory.bytes();
  for (int status = 0; waitpid(child, &status, 0) == child && WIFSTOPPED(status);) {
    if (states.empty() || std::memcmp(states.back().data(), now.data(), now.size()) != 0)
      states.emplace_back(now.begin(), now.end());
    ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
  }
  return states;
}

/// After two pushes, of which `settled` are, every state during `work` is recovered to what an
/// undisturbed worker recovers to.
void check_every_instruction(std::uint64_t settled, const std::function<void(residual&)>& work,
                             const std::vector<lease_attempt_id>& taken) {
  const std::vector<std::size_t> elements{5};
  const auto prepared = [&](const fresh_memory& memory) {
    auto worker = pushed(memory, elements, 2);
    if (settled > 0) worker.acknowledge({0}, {settled});
    return worker;
  };
  const fresh_memory undisturbed(residual::bytes_for(elements));
  auto expected = prepared(undisturbed);
  expected.recover({0}, taken);

  const fresh_memory memory(residual::bytes_for(elements));
  auto worker = prepared(memory);
  const auto states = states_during(memory, [&] { work(worker); });
  if (states.empty()) WARN("SKIPPED: this machine lets nobody trace");
  for (const auto& state : states) {
    std::ranges::copy(state, memory.bytes().begin());
    auto next = residual::open(memory.bytes(), elements).value();
    next.recover({0}, taken);
    CHECK(copy_of(next.before({0})) == copy_of(expected.before({0})));
  }
}

std::string error_of(const fresh_memory& memory, std::span<const std::size_t> elements) {
  const auto opened = residual::open(memory.bytes(), elements);
  return opened ? "" : opened.error().text;
}

} // namespace

TEST_CASE("CO-1: a kill -9 at any instruction of an undo loses nothing", "[runtime][residual]") {
  check_every_instruction(0, [](residual& worker) { worker.undo({0}, {1}); }, {{{2}, {1}}});
}

TEST_CASE("CO-1: a kill -9 at any instruction of a recovery loses nothing", "[runtime][residual]") {
  const auto recover_with = [](std::vector<lease_attempt_id> taken) {
    check_every_instruction(
        0, [&](residual& worker) { worker.recover({0}, taken); }, taken);
  };
  recover_with({});
  recover_with({{{1}, {1}}});
  recover_with({{{2}, {1}}});
  recover_with({{{1}, {1}}, {{2}, {1}}});
}

TEST_CASE("CO-1: a kill -9 at any instruction of an unsent push loses nothing",
          "[runtime][residual]") {
  const auto push = [](residual& worker) {
    worker.begin({3}, {{3}, {1}});
    std::ranges::fill(worker.after({0}), NAN);
    worker.end({3});
  };
  check_every_instruction(1, push, {{{1}, {1}}, {{2}, {1}}});
}

TEST_CASE("CO-1: after a restart the shard's word decides each pending push",
          "[runtime][residual]") {
  const std::vector<std::size_t> elements{3};
  const lease_attempt_id first{{1}, {1}}, second{{2}, {1}}, other{{2}, {9}};
  const auto residual_after = [&](std::vector<lease_attempt_id> taken) {
    const fresh_memory memory(residual::bytes_for(elements));
    pushed(memory, elements, 2);
    auto next = residual::open(memory.bytes(), elements).value();
    next.recover({0}, taken);
    next.recover({0}, taken); // and nothing is left to decide
    CHECK(next.newest() == push_sequence{2});
    return copy_of(next.before({0}));
  };
  CHECK(residual_after({first, second}) == std::vector<float>{256, 512, 768});
  CHECK(residual_after({first}) == std::vector<float>{16, 32, 48});
  CHECK(residual_after({first, other}) == std::vector<float>{16, 32, 48});
  CHECK(residual_after({second}) == std::vector<float>{240, 480, 720});
  CHECK(residual_after({}) == std::vector<float>{0, 0, 0});
}

TEST_CASE("CO-1: a push that was begun and not ended does not count", "[runtime][residual]") {
  const std::vector<std::size_t> elements{3};
  const fresh_memory memory(residual::bytes_for(elements));
  {
    auto worker = pushed(memory, elements, 2);
    worker.acknowledge({0}, {1});
    worker.acknowledge({0}, {2});
    worker.begin({3}, {{3}, {1}});
    std::ranges::fill(worker.after({0}), NAN);
  }
  auto next = residual::open(memory.bytes(), elements).value();
  CHECK(next.newest() == push_sequence{2});
  CHECK(copy_of(next.before({0})) == std::vector<float>{256, 512, 768});
  CHECK(next.norm({0}) == Approx(256 * std::sqrt(14.0)));
  next.begin({3}, {{3}, {2}});
}

TEST_CASE("CO-1: at most two pushes are pending, and answers come in order",
          "[runtime][residual]") {
  const fresh_memory memory(residual::bytes_for(sizes));
  auto worker = pushed(memory, sizes, 2);
  CHECK_FALSE(worker.may_begin());
  CHECK_THROWS_AS(worker.begin({3}, {}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({0}, {2}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({0}, {3}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({2}, {1}), ops::contract_error);
  worker.acknowledge({0}, {1});
  CHECK_FALSE(worker.may_begin());
  worker.undo({1}, {1});
  CHECK(worker.may_begin());
  worker.begin({3}, {});
  CHECK_THROWS_AS(worker.undo({0}, {2}), ops::contract_error);
}

TEST_CASE("memory that is no residual of this job is refused with both named",
          "[runtime][residual]") {
  const fresh_memory memory(residual::bytes_for(sizes));
  REQUIRE(error_of(memory, sizes) == "");
  const auto with = [&](std::size_t at, std::uint32_t value) {
    std::uint32_t old = 0;
    std::memcpy(&old, memory.bytes().data() + at, 4);
    std::memcpy(memory.bytes().data() + at, &value, 4);
    const auto text = error_of(memory, sizes);
    std::memcpy(memory.bytes().data() + at, &old, 4);
    return text;
  };
  CHECK(with(0, 1) == "the residual's memory has the magic 0x6c61756400000001, expected "
                      "0x6c61756469736572");
  CHECK(with(8, 7) == "the residual's memory has format version 0x7, expected 0x1");
  CHECK(with(12, 3) == "the residual's memory has a number of shards of 0x3, expected 0x2");
  CHECK(with(16, 8) == "the residual's memory is damaged: push 8 in slot 0 while 8 is the newest");
  CHECK(with(96, 4) == "the residual's memory is damaged: shard 0 has settled push 4 of 0");
  CHECK_THAT(with(104, 4), Catch::Contains("shard 0 undoes push 4 after 0"));
  CHECK(error_of(memory, std::vector<std::size_t>{17, 299}) ==
        "the residual's memory has 300 elements for shard 1, expected 299");
  CHECK_THAT(error_of(memory, std::vector<std::size_t>{17, 30'000}),
             Catch::StartsWith("the residual's memory has 4"));
  CHECK(error_of(memory, sizes) == "");
}

} // namespace lagrange::runtime
