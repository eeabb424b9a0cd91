#include "plain_kernels.hpp"

#include "ops/half.hpp"

#include <algorithm>
#include <vector>

namespace lagrange::tests {

using namespace ops;
using way = half_convolution::way;
using refusal = plain_kernels_options::refusal;

namespace {

std::size_t elements(const shape& of) { return static_cast<std::size_t>(of.elements()); }

// Reads what is of 16 bits, and writes results.
class plain_kernel : public half_kernel {
public:
  plain_kernel(dtype type, std::shared_ptr<long> runs) : type_(type), runs_(std::move(runs)) {}

protected:
  void read(const void* from, std::vector<float>& to) const {
    if (type_ == dtype::f32)
      std::copy_n(static_cast<const float*>(from), to.size(), to.begin());
    else
      widen(from, type_, to);
  }
  void write(const std::vector<float>& from, dtype type, const void* to) const {
    auto* written = const_cast<void*>(to);
    if (type == dtype::f32)
      std::ranges::copy(from, static_cast<float*>(written));
    else
      narrow(from, type, written);
    ++*runs_;
  }
  // `columns` of bias, if there is one, and what is done to every element.
  static void finish(std::vector<float>& y, const float* bias, std::size_t columns,
                     activation after) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (bias != nullptr) y[i] += bias[i % columns];
      if (after == activation::relu) y[i] = std::max(y[i], 0.0F);
    }
  }
  static const float* bias_of(std::initializer_list<const void*> data) {
    return data.size() == 4 ? static_cast<const float*>(data.begin()[3]) : nullptr;
  }

private:
  dtype type_;
  std::shared_ptr<long> runs_;
};

class plain_product final : public plain_kernel {
public:
  plain_product(const half_product& what, std::shared_ptr<long> runs)
      : plain_kernel(what.type, std::move(runs)), what_(what), a_(size(what.sizes.rows, inner())),
        b_(size(inner(), columns())), y_(size(what.sizes.rows, columns())) {}

  void run(std::initializer_list<const void*> data) override {
    read(data.begin()[0], a_);
    read(data.begin()[1], b_);
    const auto rows = what_.sizes.rows;
    for (std::int64_t m = 0; m < rows; ++m)
      for (std::int64_t n = 0; n < columns(); ++n) {
        float sum = 0;
        for (std::int64_t k = 0; k < inner(); ++k)
          sum += at(a_, what_.how.a, {m, k}, {rows, inner()}) *
                 at(b_, what_.how.b, {k, n}, {inner(), columns()});
        y_[static_cast<std::size_t>(m * columns() + n)] = sum;
      }
    finish(y_, bias_of(data), static_cast<std::size_t>(columns()), what_.how.after);
    write(y_, what_.result, data.begin()[2]);
  }

private:
  using pair = std::array<std::int64_t, 2>;
  static std::size_t size(std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>(rows * columns);
  }
  static float at(const std::vector<float>& of, operand how, pair place, pair extents) {
    const auto i =
        how == operand::plain ? place[0] * extents[1] + place[1] : place[1] * extents[0] + place[0];
    return of[static_cast<std::size_t>(i)];
  }
  std::int64_t inner() const { return what_.sizes.inner; }
  std::int64_t columns() const { return what_.sizes.columns; }

  half_product what_;
  std::vector<float> a_, b_, y_;
};

class plain_convolution final : public plain_kernel {
public:
  plain_convolution(const half_convolution& what, std::shared_ptr<long> runs)
      : plain_kernel(what.type, std::move(runs)), what_(what), x_(elements(what.x)),
        w_(elements({what.how.side, what.how.side, what.x[3] / what.how.groups, what.y[3]})),
        y_(elements(what.y)) {}

  void run(std::initializer_list<const void*> data) override {
    const auto* given = data.begin();
    if (what_.goes == way::forward) {
      read(given[0], x_), read(given[1], w_);
      std::ranges::fill(y_, 0.0F);
      each_tap([&](auto x, auto w, auto y) { y_[y] += x_[x] * w_[w]; });
      finish(y_, bias_of(data), static_cast<std::size_t>(what_.y[3]), what_.after);
      write(y_, what_.type, given[2]);
    } else if (what_.goes == way::weight) {
      read(given[0], x_), read(given[1], y_);
      std::ranges::fill(w_, 0.0F);
      each_tap([&](auto x, auto w, auto y) { w_[w] += x_[x] * y_[y]; });
      write(w_, dtype::f32, given[2]);
    } else {
      read(given[0], y_), read(given[1], w_);
      std::ranges::fill(x_, 0.0F);
      each_tap([&](auto x, auto w, auto y) { x_[x] += y_[y] * w_[w]; });
      write(x_, what_.type, given[2]);
    }
  }

private:
  // Calls `f` with the places in x, w and y of every product that is summed.
  template <class F>
  void each_tap(const F& f) const {
    const auto& [from, to, how] = std::tie(what_.x, what_.y, what_.how);
    const auto channels = from[3] / how.groups, outputs = to[3];
    const auto taps = how.side * how.side * channels;
    for (std::int64_t y = 0; y < to.elements(); ++y)
      for (std::int64_t k = 0; k < taps; ++k) {
        const auto o = y % outputs, column = y / outputs % to[2];
        const auto row = y / outputs / to[2] % to[1], image = y / outputs / to[2] / to[1];
        const auto left = column * how.stride - how.padding + k / channels % how.side;
        const auto top = row * how.stride - how.padding + k / channels / how.side;
        if (left < 0 || top < 0 || left >= from[2] || top >= from[1]) continue;
        const auto channel = o / (outputs / how.groups) * channels + k % channels;
        const auto x = ((image * from[1] + top) * from[2] + left) * from[3] + channel;
        f(static_cast<std::size_t>(x), static_cast<std::size_t>(k * outputs + o),
          static_cast<std::size_t>(y));
      }
  }

  half_convolution what_;
  std::vector<float> x_, w_, y_;
};

class plain final : public half_kernels {
public:
  explicit plain(const plain_kernels_options& options) : options_(options) {}

  std::unique_ptr<half_kernel> make(const half_product& what) const override {
    const auto place = what.how.a == operand::transposed   ? refusal::weight
                       : what.how.b == operand::transposed ? refusal::input
                                                           : refusal::forward;
    if (refuses(place)) return nullptr;
    return std::make_unique<plain_product>(what, options_.runs);
  }
  std::unique_ptr<half_kernel> make(const half_convolution& what) const override {
    const auto place = what.goes == way::weight  ? refusal::weight
                       : what.goes == way::input ? refusal::input
                                                 : refusal::forward;
    if (refuses(place)) return nullptr;
    return std::make_unique<plain_convolution>(what, options_.runs);
  }

private:
  bool refuses(refusal place) const {
    return options_.refused == refusal::all || options_.refused == place;
  }
  plain_kernels_options options_;
};

} // namespace

std::unique_ptr<const half_kernels> plain_kernels(const plain_kernels_options& options) {
  return std::make_unique<plain>(options);
}

} // namespace lagrange::tests
