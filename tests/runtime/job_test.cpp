#include "runtime/job.hpp"
#include "runtime/job_switch.hpp"

#include "runtime/nearest.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

job parsed(const std::string& toml, std::vector<std::string> overrides = {}) {
  auto made = parse_job(toml, "jobs/job.toml", overrides, catalog::standard());
  INFO((made ? std::string() : made.error().text));
  REQUIRE(made);
  return made.value();
}

/// Nine parameters, for samples of four pixels.
class tiny_network final : public ops::network {
public:
  std::span<const ops::parameter_spec> parameters() const override { return {&spec_, 1}; }
  float train(const ops::training_pass&) override { return 0; }
  ops::scores evaluate(std::span<const float>, const ops::tensor&, std::span<const std::int32_t>,
                       std::span<const ops::table_part>) override {
    return {};
  }

private:
  ops::parameter_spec spec_{"weight", {9}, {}};
};

std::unique_ptr<ops::network> make_tiny(const ops::model_input& input, const ops::model_settings&) {
  if (input.extents.elements() != 4) throw std::invalid_argument("tiny needs four pixels");
  return std::make_unique<tiny_network>();
}

class four_pixels final : public dataset {
public:
  explicit four_pixels(std::int64_t width) : width_(width) {}
  std::size_t size() const override { return 100; }
  ops::model_input input() const override { return {{1, width_, 1}, 2}; }
  batch gather(std::span<const std::uint32_t>) const override { return {}; }

private:
  std::int64_t width_;
};

/// Samples of which only the facts count.
class told final : public dataset {
public:
  explicit told(const ops::model_input& input) : input_(input) {}
  std::size_t size() const override { return 100; }
  ops::model_input input() const override { return input_; }
  batch gather(std::span<const std::uint32_t>) const override { return {}; }

private:
  ops::model_input input_;
};

result<std::unique_ptr<dataset>> open_four(const std::string& path, data_split split,
                                           const data_options&) {
  if (path.ends_with("gone")) return failure(errc::bad_file, path + " is gone");
  const bool is_odd = path.ends_with("odd") && split == data_split::test;
  return std::unique_ptr<dataset>(std::make_unique<four_pixels>(is_odd ? 5 : 4));
}

catalog tiny_catalog() {
  auto rows = catalog::standard();
  rows.models.push_back({"tiny", "nine parameters", make_tiny});
  rows.data.push_back({"four", "a hundred samples of four pixels", open_four});
  return rows;
}

job tiny_job(std::vector<std::string> overrides = {}) {
  auto made = parse_job("[model]\nname = \"tiny\"\n[data]\nformat = \"four\"\n", "job.toml",
                        overrides, tiny_catalog());
  REQUIRE(made);
  return made.value();
}

} // namespace

TEST_CASE("a config without keys is the default job", "[runtime][job]") {
  CHECK(parsed("") == job{});
}

TEST_CASE("the built-in job is what the default job is written as", "[runtime][job]") {
  std::ifstream file("apps/jobs/fashion-lenet.toml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(parsed(text) == job{});
  CHECK(text.ends_with("\n\n" + to_toml(job{})));
}

TEST_CASE("a job that is written and read again is the same job", "[runtime][job]") {
  job x;
  x.name = "other_1.0";
  x.seed = 0x7fff'ffff'ffff'ffff;
  x.data = {"synthetic", "/a \"b\"\\c/\xc3\xa9", 65'536, 7, {1, 2, 3, 4}, "flip-crop"};
  x.model.name = "mlp";
  x.optimizer = {"sgd", {0.1f, 0.9f, 0.5f, 0.75f, 1.0f / 3, 0.3f, 0.4f, 0.6f, 0.7f}};
  x.optimizer.clip_norm = 2.5f;
  x.optimizer.schedule = "cosine:3 epochs:0.1";
  x.optimizer.warmup = {2, training_span::unit_type::epochs};
  x.staleness.policy = "bsp";
  x.topology.workers = 1;
  x.topology.shards = 1024;
  x.topology.shard_memory = std::uint64_t{3} << 20;
  x.restart = {0, std::chrono::hours(24), std::chrono::milliseconds(1'001)};
  x.evaluation = {3, std::nullopt};
  x.simulation = {std::chrono::microseconds(1'234), 0.3f, 2, std::chrono::microseconds(0), 0};
  x.output.dir = "over/there";
  CHECK(parsed(to_toml(x)) == x);
  x.evaluation.target = 0.1 + 0.2;
  x.restart.backoff = std::chrono::minutes(60);
  x.optimizer.warmup = {20'000};
  x.simulation.step = std::chrono::seconds(60);
  x.simulation.bandwidth = 1'500'000;
  CHECK(parsed(to_toml(x)) == x);
}

TEST_CASE("every key can be set and is written", "[runtime][job]") {
  const auto text = to_toml(job{});
  for (const auto& row : job_keys(catalog::standard())) {
    CAPTURE(row.key);
    CHECK(parsed("", {row.key + "=" + row.default_value}) == job{});
    CHECK_FALSE(row.help.empty());
    CHECK_FALSE(row.expected.empty());
    CHECK(text.find(row.default_value + " ") != std::string::npos);
  }
}

TEST_CASE("every key is documented with its default and its values", "[runtime][job]") {
  std::ifstream file("apps/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const auto& row : job_keys(catalog::standard())) {
    CAPTURE(row.key);
    auto expected = row.expected; // a bar would end the table's cell
    for (std::size_t bar = 0; (bar = expected.find('|', bar)) != std::string::npos; bar += 2)
      expected.insert(bar, 1, '\\');
    const auto line = "| `" + row.key + "` | `" + row.default_value + "` | " + expected + " | ";
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("overrides count over the file, the file over the defaults, the last over the first",
          "[runtime][job]") {
  const std::string text = "[data]\nbatch = 32\nepochs = 2\n";
  const auto x = parsed(text, {"data.batch=16", "topology.workers=2", "topology.workers=3"});
  CHECK(x.data.batch == 16);
  CHECK(x.data.epochs == 2);
  CHECK(x.topology.workers == 3);
  CHECK(x.topology.shards == job{}.topology.shards);
}

TEST_CASE("the value of an override is TOML if it parses as TOML, else text", "[runtime][job]") {
  CHECK(parsed("", {"staleness.policy=asp"}).staleness.policy == "asp");
  CHECK(parsed("", {"staleness.policy=\"asp\""}).staleness.policy == "asp");
  CHECK(parsed("", {"staleness.policy=ssp:7"}).staleness.policy == "ssp:7");
  CHECK(parsed("", {"data.batch=0x10"}).data.batch == 16);
  CHECK(parsed("", {"optimizer={name=\"sgd\", rate=0.5}"}).optimizer.options.rate == 0.5f);
  CHECK(parsed("", {"data.path=/a=b"}).data.path == "/a=b");
  CHECK(parsed("", {"evaluation.target=none"}).evaluation.target == std::nullopt);
  const std::vector<std::string> two_lines{"seed=1\nname=\"x\""};
  CHECK_FALSE(parse_job("", "job.toml", two_lines, catalog::standard()));
}

TEST_CASE("a relative data path starts at the config's folder, on the command line where one is",
          "[runtime][job]") {
  const auto here = std::filesystem::current_path();
  CHECK(parsed("data.path = \"../mnist\"").data.path == (here / "mnist").string());
  CHECK(parsed("data.path = \"/mnist\"").data.path == "/mnist");
  CHECK(parsed("", {"data.path=mnist"}).data.path == (here / "mnist").string());
}

TEST_CASE("a refusal names where the key was written", "[runtime][job]") {
  const auto x = parsed("seed = 1\n[data]\nbatch = 32\n", {"data.epochs=2"});
  CHECK(key_error(x, "data.batch", "TEXT") == "jobs/job.toml:3: data.batch = 32: TEXT");
  CHECK(key_error(x, "data.epochs", "TEXT") ==
        "command line (data.epochs=2): data.epochs = 2: TEXT");
  CHECK(key_error(x, "model.name", "TEXT") == "default: model.name = \"lenet\": TEXT");
}

TEST_CASE("what data and model cannot bear is refused", "[runtime][job]") {
  const auto rows = tiny_catalog();
  const auto facts = read_data_facts(tiny_job(), rows);
  REQUIRE(facts);
  CHECK(facts.value().samples == 100);
  CHECK(check_job(tiny_job({"data.batch=100", "topology.shards=9"}), facts.value(), rows));

  const auto wrong =
      check_job(tiny_job({"data.batch=101", "topology.shards=10"}), facts.value(), rows);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text ==
        "command line (data.batch=101): data.batch = 101: there are 100 samples to train on, "
        "expected at most as many in a batch\n"
        "command line (topology.shards=10): topology.shards = 10: model tiny has 9 parameters, "
        "expected at most as many shards");

  const std::vector<std::string> whole{"data.batch=100", "optimizer.name=lamb",
                                       "topology.shards=3"};
  const auto split = check_job(tiny_job(whole), facts.value(), rows);
  REQUIRE_FALSE(split);
  CHECK_THAT(split.error().text, Catch::Contains("optimizer lamb needs whole tensors"));
  const auto unsuitable = check_job(tiny_job(), {{{28, 28, 1}, 10}, 60'000}, rows);
  REQUIRE_FALSE(unsuitable);
  CHECK(unsuitable.error().text.find(
            "job.toml:2: model.name = \"tiny\": does not suit samples of "
            "numbers of shape [28, 28, 1] in 10 classes: tiny needs four pixels") == 0);
}

TEST_CASE("shards that would take more memory than they may are refused, and how many do not told",
          "[runtime][job][tables]") {
  const auto rows = catalog::standard();
  const data_facts facts{{{2}, 2, ops::sample_kind::pairs, {1'000'000, 500'000}}, 60'000};
  const auto checked = [&](std::vector<std::string> overrides) {
    overrides.insert(overrides.end(), {"model.name=skipgram", "model.width=16",
                                       "optimizer.name=adagrad", "topology.shards=2"});
    const auto found = check_job(parse_job("", "job.toml", overrides, rows).value(), facts, rows);
    return found ? "taken" : found.error().text;
  };
  // 1.5 million rows of 16, their state beside them, in two halves: 96 MB.
  CHECK(checked({"topology.shard_memory=96MB"}) == "taken");
  CHECK_THAT(checked({"topology.shard_memory=95MB"}),
             Catch::Contains("takes 96000000 bytes on one of 2 shards, expected topology.shards = "
                             "3"));
  CHECK_THAT(checked({"topology.shard_memory=1KB"}), Catch::Contains("1024 shards are not enough"));
  CHECK(checked({}) == "taken");
}

TEST_CASE("tables refuse optimizers of whole tensors, and batches whose rows fit no frame",
          "[runtime][job][tables]") {
  const auto rows = catalog::standard();
  const data_facts facts{{{2}, 2, ops::sample_kind::pairs, {1'000'000, 500'000}}, 60'000};
  const auto refusal = [&](std::vector<std::string> overrides) {
    overrides.push_back("model.name=skipgram");
    const auto found = check_job(parse_job("", "job.toml", overrides, rows).value(), facts, rows);
    return found ? "taken" : found.error().text;
  };
  CHECK_THAT(refusal({"optimizer.name=lamb"}),
             Catch::Contains("lamb needs whole tensors") && Catch::Contains("another optimizer"));
  // A pair and five others: seven rows of 4096 numbers and their own.
  CHECK(refusal({"model.width=4096", "data.batch=2340"}) == "taken");
  CHECK_THAT(refusal({"model.width=4096", "data.batch=2341"}),
             Catch::Contains("a sample may touch 114716 bytes of rows") &&
                 Catch::Contains("expected a batch of at most 2340"));
}

TEST_CASE("a quorum of more leases than there are workers is refused", "[runtime][job]") {
  const auto rows = tiny_catalog();
  const data_facts facts{{{2, 2, 1}, 2}, 60'000};
  const auto checked = [&](const std::string& policy) {
    const auto found =
        check_job(tiny_job({"topology.workers=3", "staleness.policy=" + policy}), facts, rows);
    return found ? "taken" : found.error().text;
  };
  CHECK(checked("quorum:3:10ms") == "taken");
  CHECK_THAT(
      checked("quorum:4:10ms"),
      Catch::Contains("staleness.policy = \"quorum:4:10ms\": a round would wait for 4 leases, "
                      "but topology.workers = 3, expected N of at most that"));
}

TEST_CASE("a batch that no frame could hold, and augmented samples that are no images, are refused",
          "[runtime][job]") {
  const auto rows = tiny_catalog();
  const data_facts wide{{{2, 1 << 20}, 2, ops::sample_kind::sparse_rows, {9, 0}}, 60'000};
  const auto refused = check_job(tiny_job({"data.batch=32"}), wide, rows);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find("data.batch = 32: a sample takes 8388612 bytes, expected a batch "
                                  "of at most 31") != std::string::npos);
  const data_facts tokens{{{4}, 9, ops::sample_kind::tokens, {9, 0}}, 60'000};
  CHECK(sample_bytes(tokens.input) == 32);
  const auto odd = check_job(tiny_job({"data.augment=flip-crop"}), tokens, rows);
  REQUIRE_FALSE(odd);
  CHECK(odd.error().text.find(
            "command line (data.augment=flip-crop): data.augment = \"flip-crop\": "
            "samples are tokens of shape [4] in 9 classes, expected images\n") == 0);
  CHECK(check_job(tiny_job({"data.augment=flip-crop"}), {{{2, 2, 1}, 2}, 60'000}, rows));
}

TEST_CASE("leases of different sizes are refused rounds, and leases of one batch",
          "[runtime][job][dynamic]") {
  const auto rows = tiny_catalog();
  const data_facts facts{{{2, 2, 1}, 2}, 60'000};
  const auto refusal = [&](std::vector<std::string> overrides) {
    overrides.push_back("staleness.dynamic_steps=true");
    const auto found = check_job(tiny_job(overrides), facts, rows);
    return found ? "taken" : found.error().text;
  };
  const std::string eight = "staleness.local_steps=8";
  CHECK(refusal({eight}) == "taken");
  CHECK(refusal({eight, R"(staleness.switch=[{at = "epoch 1", to = "asp"}])"}) == "taken");
  CHECK_THAT(refusal({}), Catch::Contains("staleness.dynamic_steps = true: no lease has fewer") &&
                              Catch::Contains("expected staleness.local_steps of at least 2"));
  for (const std::string policy : {"bsp", "quorum:2:10ms"})
    CHECK_THAT(refusal({eight, "staleness.policy=" + policy}),
               Catch::Contains("staleness.policy = \"" + policy + "\"") &&
                   Catch::Contains("expected a policy without rounds"));
  CHECK_THAT(refusal({eight, R"(staleness.switch=[{at = "epoch 1", to = "bsp"}])"}),
             Catch::Contains("staleness.switch = ") && Catch::Contains("under policy \"bsp\""));
}

TEST_CASE("a job of leases that differ is never switched to rounds", "[runtime][job][dynamic]") {
  const auto rows = tiny_catalog();
  auto x = tiny_job({"staleness.local_steps=8"});
  CHECK(switch_problem("bsp", x, rows).empty());
  x.staleness.dynamic_steps = true;
  CHECK_THAT(switch_problem("bsp", x, rows), Catch::Contains("expected a policy without rounds"));
  CHECK(switch_problem("ssp:8", x, rows).empty());
  CHECK_THAT(switch_problem("sps:8", x, rows), Catch::Contains("did you mean"));
}

TEST_CASE("splits are alike if all of their facts are, but for pairs' other rows",
          "[runtime][job]") {
  auto rows = catalog::standard();
  rows.data.push_back({"odd", "pairs to train on, and what the path says to test on",
                       [](const std::string& path, data_split split, const data_options&) {
                         ops::model_input input{{2}, 2, ops::sample_kind::pairs, {5, 6}};
                         if (split == data_split::test && path.ends_with("more"))
                           input.extents = {7};
                         if (split == data_split::test && path.ends_with("fewer"))
                           input.extents = {1};
                         if (split == data_split::test && path.ends_with("larger"))
                           input.fields[1] = 7;
                         if (split == data_split::test && path.ends_with("tokens"))
                           input.kind = ops::sample_kind::tokens;
                         return result<std::unique_ptr<dataset>>(std::make_unique<told>(input));
                       }});
  const auto facts = [&](const std::string& path) {
    const std::vector<std::string> overrides{"data.format=odd", "data.path=/" + path};
    return read_data_facts(parse_job("", "job.toml", overrides, rows).value(), rows);
  };
  CHECK(facts("same"));
  REQUIRE(facts("more"));
  CHECK(facts("more").value().input == ops::model_input{{2}, 2, ops::sample_kind::pairs, {5, 6}});
  for (const char* path : {"fewer", "larger", "tokens"}) CHECK_FALSE(facts(path));
}

TEST_CASE("data that cannot be opened, or whose splits differ, are refused", "[runtime][job]") {
  const auto gone = read_data_facts(tiny_job({"data.path=/gone"}), tiny_catalog());
  REQUIRE_FALSE(gone);
  CHECK(gone.error().text ==
        "command line (data.path=/gone): data.path = \"/gone\": /gone is gone");
  const auto odd = read_data_facts(tiny_job({"data.path=/odd"}), tiny_catalog());
  REQUIRE_FALSE(odd);
  CHECK(odd.error().text.find(
            "[1, 4, 1] in 2 classes, those to test with numbers of shape [1, 5, 1]") !=
        std::string::npos);
}

TEST_CASE("the nearest name is found within a third of the letters, at least one", "[runtime]") {
  const std::string_view names[] = {"lenet", "mlp", "softmax"};
  CHECK(nearest("lenet", names) == "lenet");
  CHECK(nearest("LeNet", names) == "lenet");
  CHECK(nearest("lnet", names) == "lenet");
  CHECK(nearest("elnet", names) == "lenet");
  CHECK(nearest("softamx", names) == "softmax");
  CHECK(nearest("resnet", names) == "lenet");
  CHECK(nearest("transformer", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("x", {}).empty());
  const std::string_view short_names[] = {"a"};
  CHECK(nearest("b", short_names).empty());
}
