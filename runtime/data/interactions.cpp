#include "runtime/data/byte_source.hpp"
#include "runtime/data/lines.hpp"
#include "runtime/data/pairs.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <unordered_set>

namespace lagrange::runtime {

namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 34;
// A table of embeddings has a row for each.
constexpr std::uint32_t rows_max = 1u << 28;

struct bought {
  std::int32_t customer, item;
  bool operator==(const bought&) const = default;
  auto operator<=>(const bought&) const = default;
};

/// Who bought what, each pair once, in the order of time.
struct purchases {
  std::vector<bought> pairs;
  std::int64_t customers = 0;
  std::int64_t items = 0;
};

class bought_pairs final : public dataset {
public:
  /// `known` is sorted, and holds all that anybody bought.
  bought_pairs(std::vector<bought> pairs, std::vector<bought> known, ops::model_input input)
      : pairs_(std::move(pairs)), known_(std::move(known)), input_(input) {}

  std::size_t size() const override { return pairs_.size(); }
  ops::model_input input() const override { return input_; }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    const auto others = static_cast<std::size_t>(input_.extents[0] - 2);
    auto out = make_pairs(samples.size(), static_cast<std::int64_t>(others));
    auto row = out.inputs.values<std::int32_t>();
    for (const auto sample : samples) {
      const auto [customer, item] = pairs_[sample];
      row[0] = customer;
      row[1] = item;
      draw_others(sample, input_.fields[1], row.subspan(2, others),
                  [this, who = customer](std::int32_t other) {
                    return std::ranges::binary_search(known_, bought{who, other});
                  });
      row = row.subspan(2 + others);
    }
    return out;
  }

private:
  std::vector<bought> pairs_;
  std::vector<bought> known_;
  ops::model_input input_;
};

/// Where the two columns are.
struct columns {
  std::size_t customer, item, count;
};

result<columns> read_header(const line_reader& lines) {
  constexpr auto absent = ~std::size_t{0};
  columns found{absent, absent, 0};
  for (auto rest = lines.line(); !rest.empty(); ++found.count) {
    const auto name = take_field(rest, ',');
    if (name == "customer") found.customer = found.count;
    if (name == "item") found.item = found.count;
  }
  if (found.customer == absent || found.item == absent)
    return lines.damaged("it is " + shown(lines.line()),
                         "a header that names the columns customer and item, as in "
                         "customer,item,quantity");
  return found;
}

result<bought> read_row(const line_reader& lines, columns where) {
  std::array<std::uint32_t, 2> found{};
  auto rest = lines.line();
  const auto fields = static_cast<std::size_t>(std::ranges::count(rest, ',')) + 1;
  if (fields != where.count)
    return lines.damaged(fmt::format("it has {} fields", fields),
                         fmt::format("{}, as the header has", where.count));
  for (std::size_t column = 0; column < fields; ++column) {
    const auto field = take_field(rest, ',');
    const bool is_item = column == where.item;
    if (!is_item && column != where.customer) continue;
    const auto value = parse_number<std::uint32_t>(field);
    if (!value || *value >= rows_max)
      return lines.damaged(fmt::format("its {} is {}", is_item ? "item" : "customer", shown(field)),
                           fmt::format("a whole number from 0 to {}", rows_max - 1));
    found[is_item] = *value;
  }
  return bought{static_cast<std::int32_t>(found[0]), static_cast<std::int32_t>(found[1])};
}

/// How many there are of one column. Numbers that nobody has are damage: a table would hold their
/// rows all the same.
template <auto Member>
result<std::int64_t> count_numbers(const std::vector<bought>& pairs, const std::string& path,
                                   std::string_view column) {
  std::vector<std::int32_t> numbers;
  for (const auto& each : pairs) numbers.push_back(each.*Member);
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  for (std::size_t number = 0; number < numbers.size(); ++number)
    if (numbers[number] != static_cast<std::int32_t>(number))
      return failure(errc::bad_file,
                     fmt::format("{} has {} {} but no {} {}, expected them numbered in a row from "
                                 "0: number them again",
                                 path, column, numbers[number], column, number));
  return static_cast<std::int64_t>(numbers.size());
}

result<purchases> read_purchases(const std::string& path) {
  BOOST_OUTCOME_TRY(text, read_data_file(path, bytes_max));
  line_reader lines(path, text);
  lines.next();
  BOOST_OUTCOME_TRY(where, read_header(lines));
  purchases out;
  std::unordered_set<std::uint64_t> seen;
  while (lines.next()) {
    BOOST_OUTCOME_TRY(pair, read_row(lines, where));
    const auto key =
        static_cast<std::uint64_t>(pair.customer) << 32 | static_cast<std::uint64_t>(pair.item);
    if (seen.insert(key).second) out.pairs.push_back(pair);
  }
  BOOST_OUTCOME_TRY(customers, count_numbers<&bought::customer>(out.pairs, path, "customer"));
  BOOST_OUTCOME_TRY(items, count_numbers<&bought::item>(out.pairs, path, "item"));
  out.customers = customers;
  out.items = items;
  return out;
}

/// The pairs of one split: a customer's last one is in the test.
std::vector<bought> pairs_of(const purchases& all, data_split split) {
  std::vector<bool> is_told(static_cast<std::size_t>(all.customers));
  std::vector<bought> out;
  for (auto at = all.pairs.rbegin(); at != all.pairs.rend(); ++at) {
    const auto who = static_cast<std::size_t>(at->customer);
    const bool is_last = !is_told[who];
    is_told[who] = true;
    if (is_last == (split == data_split::test)) out.push_back(*at);
  }
  std::ranges::reverse(out);
  return out;
}

/// Items of the customer who has bought most.
std::int64_t most_bought(const purchases& all) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(all.customers));
  for (const auto& each : all.pairs) ++counts[static_cast<std::size_t>(each.customer)];
  return std::ranges::max(counts);
}

} // namespace

result<std::unique_ptr<dataset>> open_interactions(const std::string& path, data_split split,
                                                   const data_options&) {
  std::error_code ignored; // what may not be looked at is no folder for us
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  BOOST_OUTCOME_TRY(file, find_data_file(is_folder ? path + "/interactions.csv" : path,
                                         "a CSV file with columns customer and item, by time"));
  BOOST_OUTCOME_TRY(all, read_purchases(file));
  auto pairs = pairs_of(all, split);
  const auto others = all.pairs.empty() ? 0 : std::min(others_max, all.items - most_bought(all));
  if (pairs.empty() || others == 0)
    return failure(errc::bad_file,
                   fmt::format("{} has {} customers and {} items in {} different pairs; expected "
                               "one who bought twice, and for everybody an item they did not buy: "
                               "take a longer file",
                               file, all.customers, all.items, all.pairs.size()));
  std::ranges::sort(all.pairs);
  const auto input = pairs_input(all.customers, all.items, split == data_split::train ? 0 : others);
  return std::make_unique<bought_pairs>(std::move(pairs), std::move(all.pairs), input);
}

} // namespace lagrange::runtime
