// Every codec of the table, and every selecting stage with every stage after it, through the kit;
// broken codecs that show that it bites; and all compiled variants of the loops against each other.
#include "tests/support/codec_conformance.hpp"

#include "ops/vectorised.hpp"
#include "runtime/codec/loops.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

namespace {

using namespace runtime;
namespace loops = runtime::codec_loops;

codec_maker maker_of(const std::string& name) {
  return [name] { return make_codec(codecs(), name).value(); };
}

// int8 rounds once. What f16 cannot say of huge numbers has more digits than an f32.
exactness exactness_of(const std::string& name) {
  return [name](std::span<const float> values) {
    if (name.ends_with("int8")) return false;
    return !name.ends_with(" f16") && name != "f16"
               ? true
               : std::ranges::all_of(values, [](float x) { return std::abs(x) < 0x1p29F; });
  };
}

/// A codec like none, but for what a test breaks.
class broken final : public codec {
public:
  enum class flaw { forgets, invents, drifts, trusts };
  broken(flaw what, int number) : what_(what), number_(number) {}
  std::string name() const override { return "broken"; }
  bool is_lossless() const override { return false; }
  std::size_t bytes_max(std::size_t elements) const override { return 4 * elements; }
  std::size_t encode(std::span<float> values, std::uint64_t, std::span<std::byte> out) override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool is_kept =
          (what_ == flaw::forgets && i % 100 == 99) || (what_ == flaw::drifts && number_ % 2 == 1);
      const auto sent = is_kept ? 0 : values[i];
      loops::store(out.data() + 4 * i, sent);
      values[i] -= what_ == flaw::forgets   ? values[i]
                   : what_ == flaw::invents ? sent * 0.999F
                                            : sent;
    }
    return 4 * values.size();
  }
  result<void> decode(std::span<const std::byte> in, std::span<float> out) const override {
    if (in.size() != 4 * out.size()) return failure(errc::bad_frame, "codec broken: size");
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = loops::load<float>(in.data() + 4 * i);
      if (what_ != flaw::trusts && !std::isfinite(out[i]))
        return failure(errc::bad_frame, "codec broken: not finite");
    }
    return success();
  }

private:
  flaw what_;
  int number_; ///< counts the codecs of one maker
};

codec_maker maker_of(broken::flaw what) {
  return [what, number = 0]() mutable { return std::make_unique<broken>(what, number++); };
}

std::string first_breach(const codec_maker& make, const exactness& is_exact) {
  for (const auto& each : hard_numbers())
    if (auto found = find_codec_breach(make, each, is_exact); !found.empty()) return found;
  return {};
}

enum class variant { baseline, avx2, avx512 };

std::vector<variant> variants() {
  std::vector<variant> all{variant::baseline};
  if (__builtin_cpu_supports("avx2") != 0) all.push_back(variant::avx2);
  if (__builtin_cpu_supports("avx512f") != 0) all.push_back(variant::avx512);
  return all;
}

template <auto loop, class... Arguments>
void run(variant how, Arguments... arguments) {
  switch (how) {
  case variant::baseline:
    return ops::detail::run_baseline<loop>(arguments...);
  case variant::avx2:
    return ops::detail::run_avx2<loop>(arguments...);
  case variant::avx512:
    return ops::detail::run_avx512<loop>(arguments...);
  }
}

/// What a pair of loops makes of numbers: bytes, what is left, and what is decoded.
struct made {
  std::vector<std::byte> bytes;
  std::vector<float> left, decoded;
  bool operator==(const made&) const = default;
};

made make_half(auto encode, auto decode, std::span<const float> of) {
  made out{std::vector<std::byte>(2 * of.size()), {of.begin(), of.end()}, {}};
  out.decoded.resize(of.size());
  std::uint32_t largest = 0;
  encode(out.left.data(), of.size(), out.bytes.data());
  decode(static_cast<const std::byte*>(out.bytes.data()), of.size(), out.decoded.data(), &largest);
  return out;
}

template <class Half>
made make_half(variant how, std::span<const float> of) {
  return make_half([=](auto... x) { run<&loops::encode_half<Half>>(how, x...); },
                   [=](auto... x) { run<&loops::decode_half<Half>>(how, x...); }, of);
}

made make_int8(variant how, std::span<const float> of) {
  const auto room = of.size() + 4 * ((of.size() + 255) / 256);
  made out{std::vector<std::byte>(room), {of.begin(), of.end()}, {}};
  out.decoded.resize(of.size());
  std::size_t decoded = 0;
  run<&loops::encode_int8>(how, out.left.data(), of.size(), std::uint64_t{99}, out.bytes.data());
  run<&loops::decode_int8>(how, static_cast<const std::byte*>(out.bytes.data()), of.size(),
                           out.decoded.data(), &decoded);
  CHECK(decoded == of.size());
  return out;
}

std::vector<std::uint32_t> collected(variant how, std::span<const float> of) {
  std::vector<std::uint32_t> positions(of.size() + 1);
  std::size_t found = 0;
  run<&loops::collect_positions>(how, of.data(), of.size(), loops::bits_of(0.001F),
                                 positions.data(), &found);
  positions.resize(found);
  return positions;
}

} // namespace

TEST_CASE("CO-1: what is decoded and what is left are what was given, for every codec",
          "[runtime][codec]") {
  for (const auto& name : codec_names(codecs()))
    CHECK(first_breach(maker_of(name), exactness_of(name)) == "");
}

TEST_CASE("CO-1: a million numbers are no exception", "[runtime][codec]") {
  const auto many = make_numbers("gradient", 1'000'000, any_gradient);
  for (const auto& name : codec_names(codecs()))
    CHECK(find_codec_breach(maker_of(name), many, exactness_of(name)) == "");
}

TEST_CASE("BP-1: hostile bytes give an error or finite numbers, for every codec",
          "[runtime][codec]") {
  for (const auto& name : codec_names(codecs()))
    for (const std::size_t elements : {0, 1, 5, 300, 1000})
      for (std::uint64_t seed = 1; seed <= 3; ++seed)
        CHECK(find_hostile_breach(maker_of(name), elements, seed, 300) == "");
}

TEST_CASE("CO-1: the kit finds a codec that forgets, invents, drifts or trusts",
          "[runtime][codec]") {
  using flaw = broken::flaw;
  const auto roughly = [](auto) { return false; };
  CHECK_THAT(first_breach(maker_of(flaw::forgets), roughly), Catch::Contains("CO-1"));
  CHECK_THAT(first_breach(maker_of(flaw::invents), roughly), Catch::Contains("CO-1"));
  CHECK_THAT(first_breach(maker_of(flaw::drifts), roughly), Catch::Contains("same key"));
  CHECK_THAT(find_hostile_breach(maker_of(flaw::trusts), 1000, 1, 300),
             Catch::Contains("not finite"));
}

TEST_CASE("RE-1: every instruction set makes the same bytes", "[runtime][codec]") {
  for (const auto& of : hard_numbers())
    for (const auto how : variants()) {
      INFO(of.name << ", variant " << static_cast<int>(how));
      CHECK(make_half<loops::f16>(how, of.values) ==
            make_half<loops::f16>(variant::baseline, of.values));
      CHECK(make_half<loops::bf16>(how, of.values) ==
            make_half<loops::bf16>(variant::baseline, of.values));
      CHECK(make_int8(how, of.values) == make_int8(variant::baseline, of.values));
      CHECK(collected(how, of.values) == collected(variant::baseline, of.values));
    }
}

} // namespace lagrange::tests
