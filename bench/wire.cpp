// What the tensor plane carries between two processes on one host, beside a bare sender and
// receiver without framing on the same kind of channel. Both in turns, because the clock of a host
// drifts. Run as: bench_wire [--quick] [SECTION...]. How to read it: bench/README.md.
#include "bench/wire/caf_path.hpp"
#include "bench/wire/encoders.hpp"
#include "bench/wire/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lagrange::bench;

constexpr std::uint64_t kibibyte = 1 << 10, mebibyte = 1 << 20;
constexpr std::uint64_t bytes_max = 64 * mebibyte;
constexpr std::chrono::microseconds spin{50};

/// Payload of one push, and what ps-lite 2.0 reached with it on such a host (GB/s, best of its
/// vans): dated figures of another run, for orientation. 0: not measured.
struct size_row {
  const char* name;
  std::uint64_t bytes;
  bool has_goal;
  double push, pull, push_and_sum;
};
constexpr size_row sizes[] = {{"4 KiB", 4 * kibibyte, false, 0.52, 0.46, 0.44},
                              {"64 KiB", 64 * kibibyte, false, 2.41, 2.42, 2.1},
                              {"1 MiB", mebibyte, true, 3.94, 4.04, 2.5},
                              {"4 MiB", 4 * mebibyte, true, 4.23, 3.60, 2.6},
                              {"16 MiB", 16 * mebibyte, true, 0, 0, 0},
                              {"64 MiB", 64 * mebibyte, true, 1.70, 1.39, 1.3}};

/// The near process's table and verdict.
class table {
public:
  explicit table(const windows& how) : how_(how), rows_(pair_, memory_, how) {}

  void print_conditions() const {
    double load[3] = {};
    getloadavg(load, 3);
    fmt::print("two processes on cores {} and {}, load of the machine {:.1f}; windows of {:.0f} ms "
               "in turns, medians of {} to {}\n",
               pair_.near_core(), pair_.far_core(), load[0], how_.seconds * 1e3, how_.turns_min,
               how_.turns_max);
  }

  void print_goodput(const char* title, plane_options way, double goal) {
    fmt::print("\n{}: GB/s\n{:24}{:>8}{:>8}{:>8}{:>7}{:>9}\n", title, "", "plane", "bare", "ratio",
               "goal", "ps-lite");
    print_streams("push", way, goal, &size_row::push);
    way.goes = direction::pull;
    print_streams("pull", way, goal, &size_row::pull);
    way.goes = direction::both;
    print_streams("push + pull", way, goal, nullptr);
  }

  void print_copied_in() {
    plane_options way;
    way.from = gradient_memory::ordinary;
    print_streams("copied in", way, 0, &size_row::push);
  }

  void print_streams(const char* what, const plane_options& way, double goal,
                     double size_row::*dated) {
    for (const auto& size : sizes) print_stream(what, size, way, goal, dated ? size.*dated : 0);
  }

  void print_stream(const char* what, const size_row& size, plane_options options, double goal,
                    double dated) {
    options.bytes = size.bytes;
    options.in_flight = in_flight_of(size.bytes);
    const auto found = rows_.goodput(options);
    fmt::print("{:14}{:>10}{:8.2f}{:8.2f}", what, size.name, found.ours, found.bare);
    print_ratio(found.ratio, size.has_goal ? goal : 0);
    fmt::print("{:>9}\n", dated > 0 ? fmt::format("{:.2f}", dated) : "-");
  }

  void print_sums() {
    fmt::print("\npush, added into the shard's memory, shared memory: GB/s\n");
    for (const auto& size : sizes) {
      plane_options options;
      options.role = far_role::adder;
      print_stream("push + sum", size, options, size.bytes == mebibyte ? 0.7 : 0,
                   size.push_and_sum);
    }
  }

  void print_small_pushes() {
    fmt::print("\n4 KiB pushes with 64 in flight, beside the first job's path over CAF's network "
               "layer: 1000/s (ps-lite: 115)\n");
    plane_options options;
    options.bytes = 4 * kibibyte;
    options.in_flight = 64;
    print_small("shared memory", options, 7);
    options.is_tcp = true;
    print_small("TCP", options, 3.5);
  }

  void print_small(const char* what, const plane_options& options, double goal) {
    const auto found = rows_.small_pushes(options);
    fmt::print("{:24}{:8.0f}{:8.0f}", what, found.ours / 1e3, found.bare / 1e3);
    print_ratio(found.ratio, goal);
    fmt::print("\n");
  }

  void print_twins() {
    fmt::print("\nwith the shard's twin, shared memory, both sides spin: us\n");
    plane_options options;
    options.spin = spin;
    options.role = far_role::sgd_shard;
    options.bytes = 4 * kibibyte;
    print_times("4 KiB push, decided, acknowledged; bare: 64 B there and back (ps-lite: 160)",
                rows_.round_trips(options), 10);
    options.role = far_role::adam_shard;
    options.goes = direction::exchange;
    options.bytes = 235'000 * sizeof(float);
    print_times("235 k parameters pushed, Adam, pulled; bare: copied there and back",
                rows_.exchanges(options), 4);
  }

  void print_times(const char* what, const compared& found, double most) {
    const double ratio = 1 / found.ratio;
    fmt::print("{}\n{:24}{:8.2f}{:8.2f}{:8.2f}{:>7}{}\n", what, "", 1e6 / found.ours,
               1e6 / found.bare, ratio, fmt::format("< {:.0f}", most), mark(ratio <= most));
  }

  void print_encoders() {
    const int rounds = how_.turns_max < 10 ? 5 : 51;
    fmt::print("\nencoders, beside memcpy of the same numbers\n{:24}{:>8}{:>7}{:>9}{:>8}\n", "",
               "encode", "goal", "decode", "bytes");
    for (const auto& each : measure_encoders(rounds)) {
      fmt::print("{:22}", each.name);
      print_ratio(each.ratio, each.goal);
      fmt::print("{:9.2f}{:8}\n", each.decode_ratio, fmt::format("1/{:.1f}", each.bytes_ratio));
    }
  }

  int print_verdict() const {
    if (missed_ == 0)
      fmt::print("\nwire: every goal met\n");
    else
      fmt::print("\nwire: {} of {} goals missed\n", missed_, goals_);
    return missed_ == 0 ? 0 : 1;
  }

private:
  // One push is under way while the next is sent; of small ones as many as are 4 MiB, or 64.
  static std::uint64_t in_flight_of(std::uint64_t bytes) {
    return std::clamp<std::uint64_t>(4 * mebibyte / bytes, 2, 64);
  }

  const char* mark(bool is_met) {
    ++goals_;
    missed_ += is_met ? 0 : 1;
    return is_met ? "  " : " !";
  }

  /// At least `goal`; 0: none.
  void print_ratio(double ratio, double goal) {
    fmt::print("{:8.2f}{:>7}{}", ratio, goal > 0 ? fmt::format("{:.1f}", goal) : "-",
               goal > 0 ? mark(ratio >= goal) : "  ");
    std::fflush(stdout);
  }

  windows how_;
  process_pair pair_;
  bare_memory memory_{own_memory(bytes_max), own_memory(bytes_max)};
  bench_rows rows_;
  int goals_ = 0, missed_ = 0;
};

struct section {
  std::string_view name;
  void (*print)(table&);
};
constexpr section sections[] = {
    {"shared-memory",
     [](table& out) {
       out.print_goodput("shared memory", {}, 0.7);
       out.print_copied_in();
     }},
    {"tcp",
     [](table& out) {
       plane_options way;
       way.is_tcp = true;
       out.print_goodput("TCP, the receiver sleeps when there is nothing", way, 0.6);
     }},
    {"tcp-spinning",
     [](table& out) {
       plane_options way;
       way.is_tcp = true;
       way.spin = spin;
       out.print_goodput("TCP, the receiver spins for 50 us first", way, 0.8);
     }},
    {"sums", [](table& out) { out.print_sums(); }},
    {"small-pushes", [](table& out) { out.print_small_pushes(); }},
    {"twin", [](table& out) { out.print_twins(); }},
    {"encoders", [](table& out) { out.print_encoders(); }},
};

/// All sections, or those named.
int run_near(std::span<char*> words) {
  windows how;
  const auto quick = std::ranges::find(words, std::string_view("--quick"));
  if (quick != words.end()) how = {0.001, 3, 3, 0};
  const auto is_wanted = [&](std::string_view name) {
    return words.size() == (quick != words.end() ? 1U : 0U) ||
           std::ranges::find(words, name) != words.end();
  };
  for (const std::string_view word : words)
    if (word != "--quick" &&
        std::ranges::find(sections, word, &section::name) == std::end(sections)) {
      fmt::print(stderr, "usage: bench_wire [--quick] [SECTION...], of these sections:");
      for (const auto& each : sections) fmt::print(stderr, " {}", each.name);
      fmt::print(stderr, "\n");
      return 2;
    }
  table out(how);
  out.print_conditions();
  for (const auto& each : sections)
    if (is_wanted(each.name)) each.print(out);
  return out.print_verdict();
}

/// Does what it is told until the near process is gone.
int run_far(const pair_end& end) {
  const bare_memory memory{own_memory(bytes_max), own_memory(bytes_max)};
  std::unique_ptr<far_plane> plane;
  std::unique_ptr<far_caf> caf;
  order what;
  while (end.receive(&what, sizeof what)) {
    answer made;
    switch (what.kind) {
    case order_kind::bare:
      answer_bare(end, memory, what);
      continue;
    case order_kind::open_plane:
      plane.reset();
      plane = open_far_plane(what, memory);
      made = answer_of(plane->where());
      break;
    case order_kind::open_caf:
      caf = std::make_unique<far_caf>();
      made.caf_port = caf->port();
      break;
    case order_kind::close_caf:
      caf.reset();
    }
    end.send(&made, sizeof made);
  }
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  const std::span all(arguments, static_cast<std::size_t>(count));
  try {
    if (const auto end = far_end(all)) return run_far(*end);
    return run_near(all.subspan(1));
  } catch (const std::exception& problem) {
    fmt::print(stderr, "wire: {}\n", problem.what());
    return 1;
  }
}
