// What a worker sends by a lossy codec, to shards that are real twins: nothing of a gradient is
// lost or sent twice, whatever is answered, repeated or killed.
#include "runtime/conformance/virtual_time.hpp"
#include "runtime/push_encoder.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <cmath>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr std::size_t elements = 40;
constexpr auto spec = "topk:0.1 | int8";

std::unique_ptr<codec> codec_of(std::string_view text) {
  return make_codec(codecs(), text).value();
}

/// All of a shard's elements as the one frame of its push.
gradient_frame whole(std::uint32_t shard) { return {{shard}, 0, 1, 0, elements}; }

/// One worker, over all of its lives, and two shards.
class exchange {
public:
  explicit exchange(std::uint64_t seed) : random_(seed) {
    for (std::uint32_t index = 0; index < 2; ++index) {
      auto made = shard_of("asp", 2, elements);
      made.id = {index};
      made.self = stamp_of(actor_role::shard, index);
      made.parameters.push_codec = codec_of(spec);
      shards_.emplace_back(std::move(made));
      expected_.emplace_back(elements, 0.0);
    }
    be_born();
  }

  void step() {
    ++lease_;
    const bool is_late = random_.draw(0, 4) == 0; // another worker was quicker with this lease
    if (is_late)
      for (auto& shard : shards_) shard.push(push_of(worker_stamp(1), lease_, lease_, 0, elements));
    std::vector<ops::tensor> gradients;
    for (std::size_t shard = 0; shard < 2; ++shard) {
      std::vector<float> values(elements);
      for (auto& value : values)
        value = static_cast<float>(static_cast<int>(random_.draw(0, 2000)) - 1000) / 64;
      gradients.push_back(tensor_of(values));
    }
    const lease_attempt_id what{{lease_}, {is_late ? 2U : 1U}};
    std::vector<gradient_part> parts;
    encoder_->begin(what);
    if (random_.draw(0, 5) == 0) { // a push that turns out none, after some of it was written
      encoder_->encode(whole(0), gradients[0].values<float>());
      encoder_->abandon();
      encoder_->begin(what);
    }
    for (std::uint32_t shard = 0; shard < 2; ++shard)
      parts.push_back(encoder_->encode(whole(shard), gradients[shard].values<float>()));
    encoder_->end();
    const auto dies_after = random_.draw(0, 12); // shards that get the push before a kill -9
    for (std::uint32_t shard = 0; shard < 2; ++shard) {
      if (dies_after == shard) return be_born();
      send(shard, what, parts[shard]);
      if (!is_late) note(shard, gradients[shard]);
    }
    if (dies_after == 2) return be_born(); // before it has heard an answer
    encoder_->settle(answers_);
    answers_.clear();
    is_refused_ = is_late;
  }

  /// CO-1: largest difference between what was sent + residual and the gradients of what counts.
  /// What the last push added is undone with the next one, if it was refused: until then, nothing.
  double error() {
    if (is_refused_) return 0;
    double worst = 0;
    double norm = 0;
    for (std::size_t shard = 0; shard < 2; ++shard) {
      const auto applied = shards_[shard].parameters();
      for (std::size_t i = 0; i < elements; ++i) {
        const auto left = expected_[shard][i] - static_cast<double>(applied[i]);
        norm += left * left;
      }
    }
    worst = std::abs(std::sqrt(norm) - encoder_->residual_norm());
    return worst;
  }

private:
  void be_born() {
    ++life_;
    is_refused_ = false;
    answers_.clear();
    encoder_.emplace(encoder_options{codec_of(spec), memory_, {elements, elements}, 7});
    std::vector<std::shared_ptr<const pull_reply>> replies;
    for (auto& shard : shards_) {
      auto effects = shard.pull(pull_of(worker_stamp(0, life_), lease_ + 1));
      replies.push_back(std::make_shared<const pull_reply>(effects.pulls.at(0).what));
    }
    encoder_->recover(replies);
  }

  void send(std::uint32_t shard, const lease_attempt_id& what, const gradient_part& part) {
    auto push = push_of(worker_stamp(0, life_), lease_, what.what.value);
    push.what.attempt = what.attempt;
    push.gradient = part.values;
    push.how = part.how;
    auto effects = shards_[shard].push(push);
    if (random_.draw(0, 3) == 0) effects = shards_[shard].push(push); // the answer got lost
    const auto& ack = effects.pushes.at(0).what;
    answers_.push_back({{shard}, {ack.what, ack.attempt}, ack.outcome == push_outcome::taken});
  }

  void note(std::uint32_t shard, const ops::tensor& gradient) {
    const auto values = gradient.values<float>();
    for (std::size_t i = 0; i < elements; ++i)
      expected_[shard][i] += static_cast<double>(values[i]);
  }

  virtual_time random_;
  const std::size_t sizes_[2] = {elements, elements};
  lasting_memory memory_ = fresh_memory(residual::bytes_for(sizes_));
  std::vector<shard_probe> shards_;
  std::vector<std::vector<double>> expected_; ///< gradients that count, by shard
  std::optional<push_encoder> encoder_;
  std::vector<settled_push> answers_;
  std::uint64_t lease_ = 0;
  std::uint32_t life_ = 0;
  bool is_refused_ = false; ///< the last push
};

} // namespace

TEST_CASE("CO-1: what shards took + the residual = the gradients, over lives and lost answers",
          "[runtime][codec]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    exchange job(seed);
    for (int step = 0; step < 200; ++step) {
      job.step();
      INFO("seed " << seed << ", step " << step);
      REQUIRE(job.error() < 0.05);
    }
  }
}

TEST_CASE("the same attempt is encoded to the same bytes, whoever computes it",
          "[runtime][codec]") {
  const std::size_t sizes[] = {elements};
  const auto encoded = [&](std::uint32_t attempt) {
    push_encoder encoder(
        {codec_of("int8"), fresh_memory(residual::bytes_for(sizes)), {elements}, 7});
    encoder.begin({{3}, {attempt}});
    const auto part = encoder.encode(whole(0), std::vector<float>(elements, 0.37F));
    const auto bytes = part.values.values<std::uint8_t>();
    return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
  };
  CHECK(encoded(1) == encoded(1));
}

TEST_CASE("a frame is encoded alone, into bytes of its own", "[runtime][codec]") {
  const std::size_t sizes[] = {elements};
  push_encoder encoder({codec_of("bf16"), fresh_memory(residual::bytes_for(sizes)), {elements}, 7});
  encoder.begin({{1}, {1}});
  const auto last = encoder.encode({{0}, 0, 3, 32, 8}, std::vector<float>(8, 2.5F));
  const auto middle = encoder.encode({{0}, 1, 3, 16, 16}, std::vector<float>(16, 2.5F));
  CHECK(last.first == 32);
  CHECK(last.how == coding{"bf16", 8});
  CHECK(middle.how == coding{"bf16", 16});
  CHECK(middle.values.bytes() != last.values.bytes());
}

TEST_CASE("memory of another job is refused", "[runtime][codec]") {
  const std::size_t sizes[] = {elements};
  const auto memory = fresh_memory(residual::bytes_for(sizes));
  push_encoder first({codec_of("bf16"), memory, {elements}, 7});
  CHECK_THROWS_AS(push_encoder({codec_of("bf16"), memory, {elements - 8}, 7}), ops::device_error);
}

} // namespace lagrange::tests
