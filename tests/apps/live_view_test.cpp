#include "apps/live_view.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <vector>

using namespace lagrange;
using namespace lagrange::runtime;
using std::chrono::milliseconds;

namespace {

job_status running() {
  job_status x{"fashion-lenet", "ssp:3", milliseconds(12'340), 1, 5, 4690, 2345, 9123.4, 0.4213,
               0.8712,          {}};
  x.actors.push_back(
      {{actor_role::worker, 0}, {1}, 4194304, "running", 586, 2, 3, 2301.7, 0, 0.41});
  x.actors.push_back({{actor_role::worker, 1}, {2}, 13001, "restarting", 580, -1, -1, -1, 1, -1});
  x.actors.push_back({{actor_role::shard, 0}, {1}, 13002, "running", 2345, -1, 3, -1, 0, -1});
  return x;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The letters that a terminal of `columns` shows after `bytes`: just enough of ANSI for the view.
class terminal {
public:
  explicit terminal(std::size_t columns) : columns_(columns) {}
  void feed(const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\x1b')
        i = control(bytes, i + 2);
      else if (bytes[i] == '\r')
        column_ = 0;
      else if (bytes[i] == '\n')
        next_row();
      else
        put(bytes[i]);
    }
  }
  /// Rows without the blanks at their ends, and without empty ones at the bottom.
  std::vector<std::string> rows() const {
    auto shown = rows_;
    for (auto& row : shown) row.erase(row.find_last_not_of(' ') + 1);
    while (!shown.empty() && shown.back().empty()) shown.pop_back();
    return shown;
  }

private:
  void next_row() {
    ++row_;
    column_ = 0;
    if (row_ == rows_.size()) rows_.emplace_back();
  }
  void put(char letter) {
    if (column_ == columns_) next_row();
    if (rows_[row_].size() <= column_) rows_[row_].resize(column_ + 1, ' ');
    rows_[row_][column_++] = letter;
  }
  std::size_t control(const std::string& bytes, std::size_t i) {
    std::size_t number = 0;
    for (; bytes[i] >= '0' && bytes[i] <= ';'; ++i)
      number = number * 10 + std::size_t(bytes[i] - '0');
    if (bytes[i] == 'A') row_ -= std::min(row_, number);
    if (bytes[i] == 'K') rows_[row_].resize(std::min(rows_[row_].size(), column_));
    if (bytes[i] == 'J') {
      rows_.resize(row_ + 1);
      rows_[row_].resize(std::min(rows_[row_].size(), column_));
    }
    return i;
  }

  std::size_t columns_, row_ = 0, column_ = 0;
  std::vector<std::string> rows_{1};
};

/// A view and what it wrote.
struct watched {
  std::ostringstream people, records;
  terminal_size size;
  live_view view;
  explicit watched(output_mode mode, bool is_terminal = false, palette colours = palette::plain)
      : view(mode, {people, records, is_terminal, colours, [this] { return size; }}) {}
};

} // namespace

TEST_CASE("the table fits its terminal at any width", "[apps][live_view]") {
  for (int columns = 1; columns <= 200; ++columns) {
    CAPTURE(columns);
    const auto lines = lines_of(render_table(running(), columns));
    CHECK(lines.size() >= 6);
    for (const auto& line : lines) CHECK(line.size() <= static_cast<std::size_t>(columns));
  }
}

TEST_CASE("a wide table shows everything, a narrow one what matters most", "[apps][live_view]") {
  const std::vector<std::string> titles{"actor",     "pid",       "state",    "clock", "lag",
                                        "staleness", "samples/s", "restarts", "loss"};
  for (const int columns : {80, 200}) {
    const auto lines = lines_of(render_table(running(), columns));
    REQUIRE(lines.size() == 6);
    for (const auto& title : titles) CHECK(contains(lines[2], title));
    CHECK(contains(lines[0], "fashion-lenet  ssp:3  epoch 2/5  [="));
    CHECK(contains(lines[0], "]  50 %  12.3 s"));
    CHECK(lines[1] == "loss 0.4213  test accuracy 0.8712  9123 samples/s");
    for (const std::string cell : {"worker-0", "4194304", "running", "586", "2302", "0.4100"})
      CHECK(contains(lines[3], cell));
    CHECK(contains(lines[4], "restarting"));
  }
  const auto lines = lines_of(render_table(running(), 40));
  REQUIRE(lines.size() == 7); // the bar has a line of its own
  CHECK(contains(lines[1], "50 %"));
  for (const std::string cell : {"worker-0", "4194304", "running"}) CHECK(contains(lines[4], cell));
  CHECK(lines[3] == "actor        pid state      clock   loss"); // whole columns, none cut through
  CHECK(contains(lines_of(render_table(running(), 60))[2], "loss"));
}

TEST_CASE("injected times are in the title, in the line and in the record", "[apps][live_view]") {
  auto x = running();
  CHECK_FALSE(contains(render_table(x, 80), "emulated"));
  CHECK_FALSE(contains(render_line(x), "emulated"));
  CHECK(contains(render_json(x), R"("emulated":false)"));
  x.injected = "worker-2 5x";
  const auto lines = lines_of(render_table(x, 80));
  CHECK(contains(lines[0], "ssp:3  emulated  epoch"));
  CHECK(lines[2] == "times are injected: worker-2 5x");
  for (const auto& line : lines_of(render_table(x, 12))) CHECK(line.size() <= 12);
  CHECK(contains(render_line(x), "emulated"));
  CHECK(contains(render_json(x), R"("emulated":true,"injected":"worker-2 5x")"));
}

TEST_CASE("a number that is not known is a dash", "[apps][live_view]") {
  auto x = running();
  x.loss = x.test_accuracy = -1;
  CHECK(contains(render_table(x, 80), "loss -  test accuracy -"));
  CHECK(contains(render_line(x), "loss -"));
  CHECK_FALSE(contains(render_line(x), "accuracy"));
}

TEST_CASE("the bar is empty before the first lease and never overfull", "[apps][live_view]") {
  auto x = running();
  x.leases = x.leases_closed = 0;
  CHECK(contains(render_table(x, 80), "]   0 %"));
  x.leases = 10;
  x.leases_closed = 20;
  x.epoch = 5;
  CHECK(contains(render_table(x, 80), "=] 100 %"));
  CHECK(contains(render_table(x, 80), "epoch 5/5"));
}

TEST_CASE("colours are there only when asked for, and change no letter", "[apps][live_view]") {
  CHECK_FALSE(contains(render_table(running(), 80), "\x1b"));
  const auto coloured = render_table(running(), 80, palette::ansi);
  CHECK(contains(coloured, "\x1b[33mrestarting\x1b[0m"));
  terminal shown(80), plain(80);
  shown.feed(coloured);
  plain.feed(render_table(running(), 80));
  CHECK(shown.rows() == plain.rows());
}

TEST_CASE("on a terminal the table is redrawn in place and events scroll above it",
          "[apps][live_view]") {
  for (const int columns : {40, 80, 200}) {
    CAPTURE(columns);
    watched w(output_mode::live, true, palette::ansi);
    w.size = {columns, 30};
    auto x = running();
    for (int i = 0; i < 3; ++i) {
      x.leases_closed += 100;
      w.view.show(x);
      w.view.event("worker-1 was killed (signal 9); its leases are dealt again");
    }
    terminal screen(static_cast<std::size_t>(columns));
    screen.feed(w.people.str());
    terminal expected(static_cast<std::size_t>(columns));
    const auto rows = screen.rows();
    expected.feed(render_table(x, columns - 1));
    const auto table = expected.rows();
    REQUIRE(rows.size() > table.size());
    CHECK(std::equal(table.rbegin(), table.rend(), rows.rbegin()));
    std::string above;
    for (std::size_t i = 0; i + table.size() < rows.size(); ++i) above += rows[i];
    // Nothing of an older table is left beside the events.
    CHECK_FALSE(contains(above, "samples"));
    CHECK_FALSE(contains(above, "="));
    std::size_t events = 0;
    for (auto at = above.find("worker-1 was"); at != above.npos;
         at = above.find("worker-1 was", at + 1))
      ++events;
    CHECK(events == 3);
    CHECK(w.records.str().empty());
  }
}

TEST_CASE("a table higher than the terminal is cut and says how much is missing",
          "[apps][live_view]") {
  auto x = running();
  for (std::uint32_t i = 2; i < 50; ++i)
    x.actors.push_back({{actor_role::worker, i}, {1}, 1, "idle"});
  watched w(output_mode::live, true);
  w.size = {80, 10};
  w.view.show(x);
  terminal screen(80);
  screen.feed(w.people.str());
  CHECK(screen.rows().size() == 9);
  CHECK(screen.rows().back() == "... 46 more");
}

TEST_CASE("a terminal that became narrower is redrawn from the table's first row",
          "[apps][live_view]") {
  watched w(output_mode::live, true);
  w.size = {100, 30};
  w.view.show(running());
  const auto before = w.people.str().size();
  w.size = {50, 30};
  w.view.show(running());
  // Six lines, of which the bar, the titles and three actors are now folded.
  CHECK(w.people.str().substr(before).starts_with("\r\x1b[11A"));
}

TEST_CASE("the end of a job stands below the last table", "[apps][live_view]") {
  watched w(output_mode::live, true);
  w.size = {80, 30};
  w.view.show(running());
  w.view.finish({}, "runs/x");
  terminal screen(80);
  screen.feed(w.people.str());
  const auto rows = screen.rows();
  REQUIRE(rows.size() > 7);
  CHECK(contains(rows[0], "fashion-lenet"));
  CHECK(contains(rows[6], "test accuracy: unknown"));
  CHECK(rows.back() == "run: runs/x");
}

TEST_CASE("without a terminal there is a line every two seconds", "[apps][live_view]") {
  watched w(output_mode::live);
  auto x = running();
  for (int time = 0; time < 10'000; time += 250) {
    x.elapsed = milliseconds(time);
    w.view.show(x);
  }
  CHECK(lines_of(w.people.str()).size() == 5);
  CHECK_FALSE(contains(w.people.str(), "\x1b"));
}

TEST_CASE("the first loss and a new accuracy are told at once", "[apps][live_view]") {
  watched w(output_mode::plain);
  auto x = running();
  x.loss = x.test_accuracy = -1;
  x.elapsed = milliseconds(0);
  w.view.show(x);
  const auto told = [&](double loss, double accuracy) {
    const auto before = lines_of(w.people.str()).size();
    x.elapsed += milliseconds(10);
    x.loss = loss;
    x.test_accuracy = accuracy;
    w.view.show(x);
    return lines_of(w.people.str()).size() > before;
  };
  CHECK_FALSE(told(-1, -1));
  CHECK(told(2.3, -1));
  CHECK_FALSE(told(2.2, -1));
  CHECK(told(2.2, 0.5));
  CHECK_FALSE(told(2.1, 0.5));
}

TEST_CASE("--json prints one object a line on stdout and nothing for people", "[apps][live_view]") {
  watched w(output_mode::json, true);
  w.view.show(running());
  w.view.event("worker-1 was \"killed\"");
  w.view.finish({}, "runs/x");
  const auto lines = lines_of(w.records.str());
  REQUIRE(lines.size() == 3);
  const auto status = nlohmann::json::parse(lines[0]);
  CHECK(status.at("type") == "status");
  CHECK(status.at("actors").at(1).at("name") == "worker-1");
  CHECK(status.at("actors").at(1).at("lag").is_null());
  CHECK(nlohmann::json::parse(lines[1]).at("text") == "worker-1 was \"killed\"");
  CHECK(nlohmann::json::parse(lines[2]).at("leases").at("lost") == 0);
  CHECK(w.people.str().empty());
}

TEST_CASE("--quiet prints errors alone", "[apps][live_view]") {
  watched w(output_mode::quiet, true);
  w.view.show(running());
  w.view.event("worker-1 was killed");
  w.view.finish({}, "runs/x");
  CHECK(w.people.str().empty());
  CHECK(w.records.str().empty());
  w.view.error("shard-0 died\nthe job is over");
  CHECK(w.people.str() == "lagrange: shard-0 died\nlagrange: the job is over\n");
}
