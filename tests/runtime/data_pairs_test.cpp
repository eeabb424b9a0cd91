// Pairs of rows of two tables: purchases from a file, and pairs made on the spot.
#include "runtime/data/pairs.hpp"
#include "tests/support/data_folder.hpp"
#include "tests/support/data_laws.hpp"
#include "tests/support/idx_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

#include <map>
#include <set>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;
using Catch::Contains;

namespace {

constexpr const char* shop = "item,customer,minute\n"
                             "0,0,1\n1,1,2\n2,0,3\n0,0,4\n3,1,5\n1,0,6\n2,2,7\n0,2,8\n2,0,9\n";

using pair_set = std::set<std::pair<int, int>>;

/// The first two columns of every sample.
pair_set pairs_of(const dataset& data) {
  const auto rows = values(data.gather(in_order(data.size())).inputs);
  const auto columns = static_cast<std::size_t>(data.input().extents[0]);
  pair_set all;
  for (std::size_t at = 0; at < rows.size(); at += columns) all.emplace(rows[at], rows[at + 1]);
  return all;
}

/// Of how many samples the true row is among the ten that `score` likes best.
template <class Score>
double hit_share(const dataset& test, Score score) {
  const auto rows = values(test.gather(in_order(test.size())).inputs);
  const auto columns = static_cast<std::size_t>(test.input().extents[0]);
  int hits = 0;
  for (std::size_t at = 0; at < rows.size(); at += columns) {
    const auto truth = score(rows[at], rows[at + 1]);
    int above = 0;
    for (std::size_t k = 2; k < columns; ++k) above += score(rows[at], rows[at + k]) >= truth;
    hits += above < 10;
  }
  return hits / static_cast<double>(test.size());
}

/// Vectors for the rows of two tables, learnt from pairs and one random other row for each.
struct factors {
  static constexpr std::size_t rank = 16;
  std::vector<std::array<float, rank>> first, second;

  factors(const dataset& train, int epochs) {
    const auto sizes = train.input().fields;
    std::mt19937 random(7);
    std::uniform_real_distribution<float> small(-0.3f, 0.3f);
    for (auto* table : {&first, &second}) {
      table->resize(static_cast<std::size_t>(sizes[table == &second]));
      for (auto& row : *table)
        for (auto& x : row) x = small(random);
    }
    for (int epoch = 0; epoch < epochs; ++epoch) {
      const auto rows = values(train.gather(shuffled(train.size(), 1)).inputs);
      for (std::size_t at = 0; at < rows.size(); at += 2)
        step(rows[at], rows[at + 1], static_cast<int>(random() % second.size()));
    }
  }
  float operator()(int a, int b) const {
    const auto &x = first[static_cast<std::size_t>(a)], &y = second[static_cast<std::size_t>(b)];
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0f);
  }

private:
  void step(int a, int truth, int other) {
    const auto slope = 0.1f / (1 + std::exp((*this)(a, truth) - (*this)(a, other)));
    auto& x = first[static_cast<std::size_t>(a)];
    auto &y = second[static_cast<std::size_t>(truth)], &z = second[static_cast<std::size_t>(other)];
    for (std::size_t i = 0; i < rank; ++i) {
      const auto before = x[i];
      x[i] += slope * (y[i] - z[i]);
      y[i] += slope * before;
      z[i] -= slope * before;
    }
  }
};

std::string interactions(const temporary_folder& folder, const std::string& content) {
  return refusal("interactions", folder.write("interactions.csv", content));
}

} // namespace

TEST_CASE("interactions: each customer's last new item is the test, the rest is to train on",
          "[runtime][data]") {
  const temporary_folder folder;
  const auto path = folder.write("interactions.csv", shop);
  check_both("interactions", path);
  const auto train = open("interactions", path);
  const auto test = open("interactions", folder.path(), data_split::test);
  CHECK(train->input() == ops::model_input{{2}, 2, ops::sample_kind::pairs, {3, 4}});
  CHECK(pairs_of(*train) == pair_set{{0, 0}, {0, 2}, {1, 1}, {2, 2}});
  CHECK(pairs_of(*test) == pair_set{{0, 1}, {1, 3}, {2, 0}});
  CHECK(values(train->gather(in_order(4)).inputs) ==
        std::vector<std::int32_t>{0, 0, 1, 1, 0, 2, 2, 2}); // by time
  CHECK(values(test->gather(in_order(3)).labels) == std::vector<std::int32_t>{1, 1, 1});
  // Customer 0 bought three of four items, so there is one to rank against.
  CHECK(test->input().extents == ops::shape{3});
  CHECK(values(test->gather(std::vector<std::uint32_t>{2}).inputs).back() == 1);
}

TEST_CASE("interactions: a damaged file is refused with the line and what it holds",
          "[runtime][data]") {
  const temporary_folder folder;
  REQUIRE(interactions(folder, shop) == "accepted");
  const std::string header = "customer,item,minute\n";
  CHECK_THAT(interactions(folder, ""), Contains("line 0") && Contains("customer,item,quantity"));
  CHECK_THAT(interactions(folder, "user,item\n0,0\n"),
             Contains("line 1: it is \"user,item\", expected a header that names"));
  for (const char* wrong : {"", "0", "0,1", "0,1,2,3"}) {
    CAPTURE(wrong);
    CHECK_THAT(interactions(folder, header + "0,0,1\n" + wrong + "\n"),
               Contains("is damaged at line 3: it has") && Contains("expected 3, as the header"));
  }
  for (const char* wrong : {"-1", "x", "", "1.5", " 1", "4294967296", "268435456"}) {
    CAPTURE(wrong);
    CHECK_THAT(interactions(folder, header + wrong + ",0,1\n"),
               Contains("line 2: its customer is \"" + std::string(wrong)) &&
                   Contains("a whole number from 0 to 268435455"));
    CHECK_THAT(interactions(folder, header + "0," + wrong + ",1\n"), Contains("its item is \""));
  }
  CHECK_THAT(interactions(folder, header + "0,0,1\n268435455,1,1\n"),
             Contains("has customer 268435455 but no customer 1") && Contains("in a row from 0"));
  CHECK_THAT(interactions(folder, header + "0,1,1\n"), Contains("has item 1 but no item 0"));
  CHECK_THAT(interactions(folder, header), Contains("0 customers and 0 items"));
  CHECK_THAT(interactions(folder, header + "0,0,1\n1,1,1\n"), Contains("2 different pairs"));
  CHECK_THAT(interactions(folder, header + "0,0,1\n0,1,1\n"), Contains("an item they did not buy"));
  CHECK_THAT(refusal("interactions", (folder.path() / "none").string()), Contains("is no file"));
}

TEST_CASE("interactions: a gzip stream that is cut off is refused", "[runtime][data]") {
  const temporary_folder folder;
  const auto whole = gzipped(shop);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    folder.write("interactions.csv.gz", whole.substr(0, length));
    INFO("cut to " << length << " of " << whole.size() << " bytes");
    REQUIRE((refusal("interactions", folder.path()) == "accepted") == (length == whole.size()));
  }
}

TEST_CASE("real data: purchases, and how far popularity gets", "[runtime][data]") {
  const auto path = data_folder() / "online-retail";
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: there is no " << path << "; set LAGRANGE_DATA");
    return;
  }
  check_both("interactions", path);
  const auto train = open("interactions", path);
  const auto test = open("interactions", path, data_split::test);
  CHECK(train->input() == ops::model_input{{2}, 2, ops::sample_kind::pairs, {4339, 3665}});
  CHECK(train->size() + test->size() == 266'802);
  CHECK(test->size() == 4339);
  CHECK(test->input().extents == ops::shape{102});
  const auto learnt = pairs_of(*train), asked = pairs_of(*test);
  CHECK(learnt.size() == train->size()); // each pair once
  std::map<int, int> buyers;
  for (const auto& [customer, item] : learnt) ++buyers[item];
  CHECK(hit_share(*test, [&](int, int item) { return buyers[item]; }) == Approx(0.42).margin(0.02));
  const auto rows = values(test->gather(in_order(test->size())).inputs);
  for (std::size_t at = 0; at < rows.size(); at += 102) {
    const std::set<int> others(rows.begin() + static_cast<long>(at + 2),
                               rows.begin() + static_cast<long>(at + 102));
    REQUIRE(others.size() == 100);
    for (const auto item : others)
      REQUIRE((!learnt.contains({rows[at], item}) && !asked.contains({rows[at], item})));
  }
}

TEST_CASE("zipf-pairs: rows are drawn by Zipf's law", "[runtime][data]") {
  check_both("synthetic", "/jobs/zipf-pairs:2000:500:300:1.1");
  for (const double exponent : {0.0, 0.7, 1.0, 2.5}) {
    CAPTURE(exponent);
    const auto data = open("synthetic", "zipf-pairs:60000:20:7:" + std::to_string(exponent));
    CHECK(data->input() == ops::model_input{{2}, 2, ops::sample_kind::pairs, {20, 7}});
    const auto rows = values(data->gather(in_order(data->size())).inputs);
    std::array<int, 20> counts{};
    for (std::size_t at = 0; at < rows.size(); at += 2)
      ++counts[static_cast<std::size_t>(rows[at])];
    double sum = 0;
    for (int k = 1; k <= 20; ++k) sum += std::pow(k, -exponent);
    for (const int k : {1, 2, 5, 20}) {
      const auto expected = 60'000 * std::pow(k, -exponent) / sum;
      CAPTURE(k);
      CHECK(counts[static_cast<std::size_t>(k - 1)] ==
            Approx(expected).margin(5 * std::sqrt(expected) + 1));
    }
  }
}

TEST_CASE("zipf-pairs: what is planted can be learnt, and popularity does not know it",
          "[runtime][data]") {
  const auto train = open("synthetic", "zipf-pairs:60000:200:400:0.6");
  const auto test = open("synthetic", "zipf-pairs:4000:200:400:0.6", data_split::test);
  CHECK(test->size() == 1000);
  std::map<int, int> counts;
  const auto rows = values(train->gather(in_order(train->size())).inputs);
  for (std::size_t at = 1; at < rows.size(); at += 2) ++counts[rows[at]];
  const auto popular = hit_share(*test, [&](int, int row) { return counts[row]; });
  const auto learnt = hit_share(*test, factors(*train, 8));
  CHECK(popular < 0.4);
  CHECK(learnt > popular + 0.25);
}

TEST_CASE("zipf-pairs: a wrong description is refused with the right one", "[runtime][data]") {
  for (const char* wrong : {"zipf-pairs", "zipf-pairs:10:2:2", "zipf-pairs:10:2:2:1:1"})
    CHECK_THAT(refusal("synthetic", wrong),
               Contains("zipf-pairs:SAMPLES:ROWS_A:ROWS_B:EXPONENT, as in zipf-pairs:100000:"));
  CHECK_THAT(refusal("synthetic", "zipf-pairs:0:2:2:1"), Contains("SAMPLES is \"0\""));
  CHECK_THAT(refusal("synthetic", "zipf-pairs:9:1:2:1"), Contains("ROWS_A is \"1\""));
  CHECK_THAT(refusal("synthetic", "zipf-pairs:9:2:999999999:1"), Contains("ROWS_B is \"9"));
  for (const char* wrong : {"", "x", "-1", "5", "nan", "1 "})
    CHECK_THAT(refusal("synthetic", std::string("zipf-pairs:9:2:2:") + wrong),
               Contains("EXPONENT is \"" + std::string(wrong) + "\", expected a number from 0"));
}

TEST_CASE("zipf-pairs: a table of a quarter of a billion rows costs no memory", "[runtime][data]") {
  const auto data = open("synthetic", "zipf-pairs:4000000000:268435456:268435456:1.05");
  CHECK(data->size() == 4'000'000'000);
  const auto rows = values(data->gather(std::vector<std::uint32_t>{3'999'999'999, 5}).inputs);
  for (const auto row : rows) CHECK((row >= 0 && row < 268'435'456));
}
