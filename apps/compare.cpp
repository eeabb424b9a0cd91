// The verb `compare`.
#include "apps/compare.hpp"

#include "apps/comparison.hpp"
#include "runtime/files.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sstream>

namespace lagrange {

namespace {

using namespace runtime;

constexpr std::size_t library_bytes_max = 16 << 20;

/// Cells of a line on stdout; 0 where it is no terminal, and a row is one line.
std::size_t columns_of_stdout() {
  winsize found{};
  if (isatty(STDOUT_FILENO) != 1) return 0;
  constexpr std::size_t usual = 80;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) == 0 && found.ws_col > 0 ? found.ws_col : usual;
}

result<void> write_page(const compare_order& order, const std::vector<apps::compared_run>& runs) {
  constexpr auto advice = "install Debian's package libjs-chart.js";
  if (order.chart_library.empty())
    return failure(errc::bad_argument,
                   fmt::format("--html needs Chart.js, which was not there when this program was "
                               "built: {}, and build again",
                               advice));
  const auto library = read_file(order.chart_library, library_bytes_max);
  if (!library)
    return failure(errc::bad_argument,
                   fmt::format("--html needs Chart.js: {}; {}", library.error().text, advice));
  const auto& text = library.value();
  const auto page = to_page(runs, std::string_view(text.data(), text.size()));
  return write_atomically(order.page, std::as_bytes(std::span(page)));
}

int refuse(const std::string& reasons) {
  std::istringstream lines(reasons);
  for (std::string line; std::getline(lines, line);) fmt::print(stderr, "lagrange: {}\n", line);
  return 2;
}

} // namespace

int compare_runs(const compare_order& order) {
  const auto runs = apps::read_compared(order.runs, *order.catalog);
  if (!runs) return refuse(runs.error().text);
  if (!order.page.empty())
    if (const auto written = write_page(order, runs.value()); !written)
      return refuse(written.error().text);
  fmt::print("{}", order.is_json ? apps::to_json(runs.value())
                                 : apps::to_text(apps::compare(runs.value()), columns_of_stdout()));
  return 0;
}

} // namespace lagrange
