// A text as characters to predict, and as pairs of words that stand near each other.
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

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

/// What a split says as a text again: the inputs of its samples one after another.
std::string spelt(const dataset& data, std::string_view symbols) {
  std::string text;
  for (const auto number : values(data.gather(in_order(data.size())).inputs))
    text += symbols[static_cast<std::size_t>(number)];
  return text;
}

} // namespace

TEST_CASE("text: an epoch predicts every character of its part once, from the one before",
          "[runtime][data]") {
  const temporary_folder folder;
  const auto text = repeated("to be, or not to be: ", 10); // 210 characters, 189 to train on
  const auto path = folder.write("text", text);
  const data_options options{.context = 4};
  check_both("text", path, options);
  const auto train = open("text", path, data_split::train, options);
  const std::string symbols = " ,:benort";
  CHECK(train->input() == ops::model_input{{4}, 9, ops::sample_kind::tokens, {9, 0}});
  CHECK(train->size() == 47); // of 188 characters that have one before them
  CHECK(spelt(*train, symbols) == text.substr(0, 188));
  const auto all = train->gather(in_order(47));
  const auto inputs = values(all.inputs), labels = values(all.labels);
  CHECK(std::equal(inputs.begin() + 1, inputs.end(), labels.begin()));
  CHECK(symbols[static_cast<std::size_t>(labels.back())] == text[188]);
  CHECK(spelt(*open("text", path, data_split::test, options), symbols) == text.substr(189, 20));
}

TEST_CASE("text: gzipped or not, with or without its ending, it is the same", "[runtime][data]") {
  const temporary_folder folder;
  const auto text = repeated("abc\n", 100);
  const auto plain = folder.write("plain", text);
  const auto zipped = folder.write("zipped.gz", gzipped(text));
  const data_options options{.context = 8};
  const auto wanted = spelt(*open("text", plain, data_split::train, options), "\nabc");
  CHECK(wanted == text.substr(0, 352));
  for (const auto& path : {zipped, (folder.path() / "zipped").string()})
    CHECK(spelt(*open("text", path, data_split::train, options), "\nabc") == wanted);
}

TEST_CASE("text: every byte is a symbol, numbered in the order of bytes", "[runtime][data]") {
  const temporary_folder folder;
  std::string text;
  for (int i = 0; i < 2560; ++i) text += static_cast<char>(255 - i % 256);
  const auto data = open("text", folder.write("bytes", text), data_split::train, {.context = 16});
  check_laws(*data);
  CHECK(data->input().classes == 256);
  CHECK(values(data->gather(std::vector<std::uint32_t>{0}).inputs).front() == 255);
}

TEST_CASE("text: a missing, damaged, short or monotonous file is refused", "[runtime][data]") {
  const temporary_folder folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  CHECK_THAT(refusal("text", path("none")), Contains("none is no file, and") &&
                                                Contains("none.gz is none; expected a text file") &&
                                                Contains("check data.path"));
  CHECK_THAT(refusal("text", folder.path()), Contains("is no file but a folder"));
  CHECK_THAT(refusal("text", folder.write("empty", "")), Contains("empty has 0 characters"));
  const data_options options{.context = 9};
  CHECK_THAT(
      refusal("text", folder.write("short", repeated("ab", 49) + "c"), data_split::train, options),
      Contains("short has 99 characters, expected at least 100") && Contains("data.context"));
  CHECK(refusal("text", folder.write("long", repeated("ab", 50)), data_split::test, options) ==
        "accepted");
  CHECK_THAT(refusal("text", folder.write("dull", repeated("a", 2000))),
             Contains("dull has one character again and again"));
  const auto whole = gzipped(repeated("hello ", 1000));
  folder.write("cut.gz", whole);
  REQUIRE(refusal("text", path("cut")) == "accepted");
  for (std::size_t length = 1; length < whole.size(); length += 7) {
    folder.write("cut.gz", whole.substr(0, length));
    INFO("cut to " << length << " of " << whole.size() << " bytes");
    REQUIRE(refusal("text", path("cut")) != "accepted");
  }
  CHECK_THAT(refusal("text", path("cut")), Contains("cut.gz is damaged"));
}

TEST_CASE("words: the pairs are all words at most a window apart, both ways round",
          "[runtime][data]") {
  const temporary_folder folder;
  // The last two of 22 words are to test on; "rare" is left out before windows are made.
  const auto path =
      folder.write("text", "One two; THREE-four one two\nthree four rare 'one' two three four one "
                           "two three four one two three four? One.");
  const data_options options{.window = 2, .min_count = 2};
  check_both("words", path, options);
  const auto train = open("words", path, data_split::train, options);
  CHECK(train->input() == ops::model_input{{2}, 2, ops::sample_kind::pairs, {4, 4}});
  // one: 0, three: 1, two: 2, four: 3. A neighbour's neighbour is never a neighbour.
  const std::vector<int> words{0, 2, 1, 3, 0, 2, 1, 3, 0, 2, 1, 3, 0, 2, 1, 3, 0, 2, 1};
  std::map<std::pair<int, int>, int> expected, found;
  for (std::size_t i = 0; i < words.size(); ++i)
    for (std::size_t j = 0; j < words.size(); ++j)
      if (i != j && std::max(i, j) - std::min(i, j) <= 2) ++expected[{words[i], words[j]}];
  const auto dealt = values(train->gather(in_order(train->size())).inputs);
  for (std::size_t i = 0; i < dealt.size(); i += 2) ++found[{dealt[i], dealt[i + 1]}];
  CHECK(found == expected);
}

TEST_CASE("words: a pair to test on is ranked against different other words", "[runtime][data]") {
  const temporary_folder folder;
  std::string text;
  for (int i = 0; i < 4000; ++i)
    text += std::string{static_cast<char>('a' + i % 17), static_cast<char>('a' + i % 13), ' '};
  const auto data = open("words", folder.write("text", text), data_split::test);
  CHECK(data->input().extents == ops::shape{102});
  const auto rows = values(data->gather(in_order(50)).inputs);
  for (std::size_t i = 0; i < 50; ++i) {
    const std::set<int> all(rows.begin() + static_cast<long>(102 * i + 1),
                            rows.begin() + static_cast<long>(102 * i + 102));
    CHECK(all.size() == 101);
  }
}

TEST_CASE("words: a text without enough words is refused", "[runtime][data]") {
  const temporary_folder folder;
  CHECK_THAT(refusal("words", folder.write("numbers", repeated("1 2 3 ", 100))),
             Contains("numbers has 0 words") && Contains("data.min_count than 5"));
  CHECK_THAT(refusal("words", folder.write("one", repeated("word ", 100))),
             Contains("where 1 are frequent enough"));
  CHECK_THAT(refusal("words", folder.write("new", repeated("a b ", 45) + repeated("c d ", 5)),
                     data_split::test),
             Contains("0 of them known in the part to test on"));
  CHECK_THAT(refusal("words", (folder.path() / "none").string()), Contains("is no file"));
}

TEST_CASE("real data: Shakespeare as characters and as words", "[runtime][data]") {
  const auto path = data_folder() / "tinyshakespeare" / "input.txt";
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: there is no " << path << "; set LAGRANGE_DATA");
    return;
  }
  check_both("text", path);
  const auto train = open("text", path), test = open("text", path, data_split::test);
  CHECK(train->input().classes == 65);
  CHECK(train->size() == (1'115'394 - 111'539 - 1) / 128);
  CHECK(test->size() == (111'539 - 1) / 128);
  check_both("words", path);
  CHECK(open("words", path)->input().fields[0] > 2900);
}
