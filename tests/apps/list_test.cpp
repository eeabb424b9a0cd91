#include "apps/list.hpp"

#include "apps/command_line.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace lagrange;
using runtime::catalog;

namespace {

struct printed {
  int status;
  std::string out, err;
};

printed list(std::vector<std::string> words, const catalog& rows = catalog::standard()) {
  words.insert(words.begin(), "list");
  std::ostringstream out, err;
  const auto status = command_line(words, rows, {}, {out, err});
  return {status, out.str(), err.str()};
}

} // namespace

TEST_CASE("every row of every table is listed with its help", "[apps][list]") {
  const auto rows = catalog::standard();
  for (const auto& table : list_tables()) {
    CAPTURE(table.name);
    const auto text = list({std::string(table.name)});
    CHECK(text.status == 0);
    CHECK_FALSE(table.rows(rows).empty());
    for (const auto& row : table.rows(rows)) {
      CAPTURE(row.name);
      CHECK_FALSE(row.help.empty());
      CHECK(text.out.find("\n" + row.name + " ") != std::string::npos);
      CHECK(text.out.find(row.help + "\n") != std::string::npos);
      CHECK(text.out.find(row.arguments) != std::string::npos);
    }
  }
}

TEST_CASE("the tables are those of the catalog, and the devices", "[apps][list]") {
  std::vector<std::string_view> names;
  for (const auto& table : list_tables()) names.push_back(table.name);
  CHECK(names == std::vector<std::string_view>{"models", "layers", "policies", "weights",
                                               "compensations", "outers", "optimizers", "schedules",
                                               "codecs", "data", "devices"});
}

TEST_CASE("a user's own row is listed like any other", "[apps][list]") {
  auto rows = catalog::standard();
  rows.models.push_back({"mine", "my own model", nullptr});
  const auto models = list({"models"}, rows).out;
  CHECK(models.find("\nmine ") != std::string::npos);
  CHECK(models.find("  my own model\n") != std::string::npos);
}

TEST_CASE("columns are aligned, and empty ones left out", "[apps][list]") {
  const std::vector<list_row> with{{"bsp", "", "all wait"}, {"dssp", "LOW:HIGH", "between"}};
  CHECK(list_text(with) == "NAME  ARGUMENTS  HELP\n"
                           "bsp              all wait\n"
                           "dssp  LOW:HIGH   between\n");
  const std::vector<list_row> without{{"softmax", "", "one layer"}};
  CHECK(list_text(without) == "NAME     HELP\n"
                              "softmax  one layer\n");
}

TEST_CASE("list --json prints one object a line", "[apps][list]") {
  std::istringstream lines(list({"policies", "--json"}).out);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto object = nlohmann::json::parse(line);
    CHECK(object.at("name") == std::string(runtime::policies()[count].name));
    CHECK(object.at("arguments") == std::string(runtime::policies()[count].arguments));
  }
  CHECK(count == runtime::policies().size());
}

TEST_CASE("list alone says what can be listed, and a wrong word what was meant", "[apps][list]") {
  const auto alone = list({});
  CHECK(alone.status == 0);
  for (const auto& table : list_tables())
    CHECK(alone.out.find("lagrange list " + std::string(table.name)) != std::string::npos);
  const auto wrong = list({"polices"});
  CHECK(wrong.status == 2);
  CHECK(wrong.out.empty());
  CHECK(wrong.err ==
        "lagrange: there is no list of polices, expected one of models, layers, policies, weights, "
        "compensations, outers, optimizers, schedules, codecs, data, devices; did you mean "
        "\"policies\"?\n");
}
