// Images that are changed as they are dealt.
#include "runtime/data/augment.hpp"
#include "runtime/feeder_port.hpp"
#include "tests/support/builders.hpp"
#include "tests/support/plane_peer.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

constexpr int height = 16, width = 24, channels = 2;

/// Pixel p of image i is a number of its own, and no zero.
template <class Element>
batch images_of(std::span<const std::uint32_t> samples) {
  const auto rows = static_cast<std::int64_t>(samples.size());
  batch made{.inputs = ops::tensor(ops::dtype_of<Element>(), {rows, height, width, channels}),
             .labels = ops::tensor(ops::dtype::i32, {rows})};
  auto to = made.inputs.values<Element>().data();
  for (const auto sample : samples)
    for (std::uint32_t p = 0; p < height * width * channels; ++p)
      *to++ = static_cast<Element>(1 + (sample * 31 + p * 7) % 251);
  for (auto& label : made.labels.values<std::int32_t>()) label = 0;
  return made;
}

class pictures final : public dataset {
public:
  std::size_t size() const override { return 12; }
  ops::model_input input() const override { return {{height, width, channels}, 2}; }
  batch gather(std::span<const std::uint32_t> samples) const override {
    return images_of<std::uint8_t>(samples);
  }
};

/// Hands frames on to a feeder's port.
struct port_owner final : transport::receiver {
  explicit port_owner(const feeder_options& options)
      : port(options, std::make_shared<pictures>(), hooks()) {}
  void on_frame(transport::link_id from, transport::frame what) override {
    port.on_frame(from, what);
  }
  void on_down(transport::link_id, const error&) override {}
  static feeder_hooks hooks() {
    feeder_hooks made;
    made.now = [] { return time_point{}; };
    return made;
  }
  feeder_port port;
};

struct move {
  bool is_mirrored;
  int down, right;
  auto operator<=>(const move&) const = default;
};

/// Whether `changed` is the image after a move.
template <class Element>
bool is_moved(std::span<const Element> image, std::span<const Element> changed, move how) {
  const auto at = [&](std::span<const Element> from, int y, int x, int channel) {
    const bool is_inside = y >= 0 && y < height && x >= 0 && x < width;
    return is_inside ? from[static_cast<std::size_t>((y * width + x) * channels + channel)]
                     : Element{};
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int channel = 0; channel < channels; ++channel) {
        const bool is_inside = x - how.right >= 0 && x - how.right < width;
        const int column = how.is_mirrored ? width - 1 - (x - how.right) : x - how.right;
        const auto expected = is_inside ? at(image, y - how.down, column, channel) : Element{};
        if (at(changed, y, x, channel) != expected) return false;
      }
  return true;
}

/// Every move that turned an image of `before` into that of `after`; an image without one fails.
template <class Element>
std::vector<move> moves_of(const batch& before, const batch& after) {
  constexpr std::size_t each = height * width * channels;
  std::vector<move> found;
  const auto from = before.inputs.values<Element>(), to = after.inputs.values<Element>();
  for (std::size_t at = 0; at < from.size(); at += each) {
    const auto count = found.size();
    for (const bool is_mirrored : {false, true})
      for (int down = -height / 8; down <= height / 8; ++down)
        for (int right = -width / 8; right <= width / 8; ++right)
          if (is_moved<Element>(from.subspan(at, each), to.subspan(at, each),
                                {is_mirrored, down, right}))
            found.push_back({is_mirrored, down, right});
    REQUIRE(found.size() == count + 1);
  }
  return found;
}

template <class Element>
void check_moves() {
  std::vector<std::uint32_t> samples(800);
  std::iota(samples.begin(), samples.end(), 5u);
  const auto before = images_of<Element>(samples);
  auto after = images_of<Element>(samples);
  augment(after, samples, {augmentation::flip_crop, 3, 1});
  const auto moves = moves_of<Element>(before, after);
  const std::set<move> different(moves.begin(), moves.end());
  CHECK(different.size() == 2 * 5 * 7); // mirrored or not, two pixels up or down, three aside
  const auto mirrored = std::ranges::count(moves, true, &move::is_mirrored);
  CHECK((mirrored > 330 && mirrored < 470));
}

} // namespace

TEST_CASE("flip-crop mirrors half of the images, and moves all by up to an eighth",
          "[runtime][data]") {
  check_moves<std::uint8_t>();
  check_moves<float>();
}

TEST_CASE("what becomes of an image depends on seed, epoch and sample, not on its batch",
          "[runtime][data]") {
  const auto changed = [](std::vector<std::uint32_t> samples, std::uint64_t seed,
                          std::uint32_t epoch) {
    auto made = images_of<std::uint8_t>(samples);
    augment(made, samples, {augmentation::flip_crop, seed, epoch});
    return made.inputs;
  };
  const auto each = std::int64_t{height} * width * channels;
  const auto all = changed({4, 7, 9}, 1, 2);
  const auto other_order = changed({9, 4, 7}, 1, 2);
  CHECK(is_same(all.slice(0, 2 * each), other_order.slice(each, 2 * each)));
  CHECK(is_same(all, changed({4, 7, 9}, 1, 2)));
  CHECK_FALSE(is_same(all, changed({4, 7, 9}, 1, 3)));
  CHECK_FALSE(is_same(all, changed({4, 7, 9}, 2, 2)));
  const std::vector<std::uint32_t> samples{4, 7, 9};
  auto untouched = images_of<std::uint8_t>(samples);
  augment(untouched, samples, {});
  CHECK(is_same(untouched.inputs, images_of<std::uint8_t>(samples).inputs));
}

TEST_CASE("a lease that is dealt again holds the same images, and every epoch others",
          "[runtime][data]") {
  feeder_options options;
  options.self = stamp_of(actor_role::feeder);
  options.samples = 12;
  options.batch = 12;
  options.epochs = 2;
  options.workers = 2;
  options.changes = augmentation::flip_crop;
  options.batch_deaths = 0; // or what killed a worker is dealt alone
  transport::hub meeting(77);
  port_owner owner(options);
  const auto plane = meeting.open(owner);
  owner.port.attach(*plane);
  plane_peer first(meeting, plane->where()), second(meeting, plane->where());

  first.send(request_of(worker_stamp(0), 1, 0, standing::joining));
  const auto dealt = first.take<lease_grant>();
  owner.port.on_view(view_of(2, {dead(0, 1), live(1, 1)}));
  second.send(request_of(worker_stamp(1), 1, 0, standing::joining));
  const auto again = second.take<lease_grant>();
  REQUIRE((dealt && again));
  CHECK(again->what.id == dealt->what.id);
  CHECK(again->what.attempt.value == 2);
  CHECK(is_same(again->samples.inputs, dealt->samples.inputs));

  second.send(request_of(worker_stamp(1), 2, 1, standing::working));
  const auto later = second.take<lease_grant>();
  REQUIRE(later);
  CHECK(later->what.epoch == 1);
  const auto sum = [](const lease_grant& x) {
    const auto all = x.samples.inputs.values<std::uint8_t>();
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
  };
  CHECK(sum(*later) != sum(*dealt)); // whatever the order of the samples
}
