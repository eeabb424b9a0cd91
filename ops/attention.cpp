#include "ops/exponential.hpp"
#include "ops/functions.hpp"
#include "ops/primitive.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace lagrange::ops {

namespace {

// Queries that are computed at a time under a causal mask, against the keys up to the last of them.
// Smaller blocks compute less that is hidden, but in products that are too small to be fast.
constexpr std::int64_t block_rows = 64;

// A row is summed up in so many parts, each of every so many columns: the same on all processors.
constexpr std::int64_t lanes = 16;

struct attention_sizes {
  std::int64_t batch, length, heads, width; ///< B, T, heads, D
  attention_mask mask;
  float scale;
  std::int64_t columns() const { return heads * width; } // C
  std::int64_t square() const { return length * length; }
};

// Rows of scores of one head, [length, length], of which those from `first` on are computed against
// `keys` keys.
struct score_block {
  std::int64_t first, rows, keys, length;
  attention_mask mask;
  float scale;
  std::int64_t visible(std::int64_t row) const {
    return mask == attention_mask::causal ? row + 1 : keys;
  }
};

// Integers in the order of the floats that they are made of, infinities and NaN outermost: a loop
// that looks for the largest of them is vectorised. Of its own result it makes the float again.
inline std::int32_t ordered(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// Scores in, their softmax out, 0 where the mask hides them.
inline void softmax_block(const score_block& at, float* __restrict scores) {
  for (std::int64_t row = at.first; row < at.first + at.rows; ++row) {
    float* p = scores + row * at.length;
    const auto seen = at.visible(row);
    const auto count = std::min((seen + lanes - 1) / lanes * lanes, at.keys);
    const auto whole = count / lanes * lanes;
    for (auto i = seen; i < count; ++i) p[i] = -std::numeric_limits<float>::infinity();
    for (auto i = count; i < at.keys; ++i) p[i] = 0;
    std::int32_t best = std::numeric_limits<std::int32_t>::min();
    for (std::int64_t i = 0; i < count; ++i) best = std::max(best, ordered(p[i]));
    const float largest = std::bit_cast<float>(ordered(std::bit_cast<float>(best)));
    float sums[lanes] = {};
    for (std::int64_t i = 0; i < whole; i += lanes)
      for (std::int64_t k = 0; k < lanes; ++k)
        sums[k] += p[i + k] = exponential((p[i + k] - largest) * at.scale);
    for (auto i = whole; i < count; ++i) sums[0] += p[i] = exponential((p[i] - largest) * at.scale);
    for (std::int64_t k = 1; k < lanes; ++k) sums[0] += sums[k];
    const float share = 1 / sums[0];
    for (std::int64_t i = 0; i < count; ++i) p[i] *= share;
  }
}

// Rows of results of one head and their gradients, `apart` numbers from row to row.
struct result_rows {
  const float *y, *d_y;
  std::int64_t width, apart;
};

// The gradient d_p by the softmax p in, that by the scores out. The sum of p * d_p over a row is
// that of y * d_y, which is shorter.
inline void softmax_block_backward(const score_block& at, const float* __restrict p,
                                   float* __restrict d_p, const result_rows& of) {
  for (auto row = at.first; row < at.first + at.rows; ++row) {
    const float* p_row = p + row * at.length;
    const float *y = of.y + row * of.apart, *d_y = of.d_y + row * of.apart;
    float* d_row = d_p + row * at.length;
    float sum = 0;
    for (std::int64_t c = 0; c < of.width; ++c) sum += y[c] * d_y[c];
    for (std::int64_t i = 0; i < at.keys; ++i) d_row[i] = p_row[i] * (d_row[i] - sum) * at.scale;
  }
}

// How matrices of a sample's heads lie in memory: `apart` numbers from head to head, `row` from row
// to row and `column` from column to column.
struct head_matrices {
  std::int64_t rows, columns, apart, row, column;
  head_matrices transposed() const { return {columns, rows, apart, column, row}; }
  dnnl::memory::desc layout(std::int64_t heads) const {
    return {{heads, rows, columns}, dnnl::memory::data_type::f32, {apart, row, column}};
  }
};

// y = a b, for each of the heads, without a copy of any.
kept_primitive product_of_heads(std::int64_t heads, const head_matrices& a, const head_matrices& b,
                                const head_matrices& y) try {
  const auto layout_a = a.layout(heads), layout_b = b.layout(heads), layout_y = y.layout(heads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(layout_a, layout_b, layout_y),
                                            kept_primitive::attributes(), engine);
  return {dnnl::matmul(chosen),
          engine,
          chosen.scratchpad_desc(),
          {{DNNL_ARG_SRC, layout_a}, {DNNL_ARG_WEIGHTS, layout_b}, {DNNL_ARG_DST, layout_y}}};
} catch (const dnnl::error& found) {
  throw device_error("oneDNN cannot compute products for attention of " + std::to_string(heads) +
                     " heads: " + found.what());
}

class attention_operation final : public operation {
public:
  explicit attention_operation(const operation_site& site)
      : at_(sizes_of(site)), kept_(site.mode == pass_mode::training ? at_.batch : 1),
        weights_(dtype::f32, {kept_, at_.heads, at_.length, at_.length}) {
    const auto step = at_.mask == attention_mask::causal ? block_rows : at_.length;
    for (std::int64_t first = 0; first < at_.length; first += step) {
      const auto rows = std::min(step, at_.length - first);
      const auto keys = at_.mask == attention_mask::causal ? first + rows : at_.length;
      blocks_.push_back({{first, rows, keys, at_.length, at_.mask, at_.scale},
                         make(of_qkv(rows), of_qkv(keys).transposed(), of_weights(rows, keys)),
                         make(of_weights(rows, keys), of_qkv(keys), of_result(rows))});
    }
  }

  void forward(const forward_pass& pass) override {
    const auto row = 3 * at_.columns();
    for (std::int64_t b = 0; b < at_.batch; ++b) {
      const float* q = pass.x[0].in().data() + b * at_.length * row;
      float* y = pass.y.out().data() + b * at_.length * at_.columns();
      float* weights = weights_of(b);
      for (auto& each : blocks_) {
        const auto first = each.scores.first;
        float* rows = weights + first * at_.length;
        each.weights.run({q + first * row, q + at_.columns(), rows});
        for (std::int64_t h = 0; h < at_.heads; ++h)
          vectorised<&softmax_block>(each.scores, weights + h * at_.square());
        each.y.run({rows, q + 2 * at_.columns(), y + first * at_.columns()});
      }
    }
  }

  void backward(const backward_pass& pass) override {
    if (d_weights_.empty()) prepare_backward();
    const auto size = at_.length * at_.columns();
    for (std::int64_t b = 0; b < at_.batch; ++b)
      go_back({pass.x[0].in().data() + b * 3 * size, weights_of(b), pass.y.in().data() + b * size,
               pass.d_y.in().data() + b * size, pass.d_x[0].out().data() + b * 3 * size});
  }

private:
  struct block {
    score_block scores;
    kept_primitive weights, y;
    // Made when first wanted: the last two are those of the keys and values at the block's place,
    // with all queries that see them.
    std::optional<kept_primitive> d_weights = {}, d_queries = {}, d_keys = {}, d_values = {};
  };
  struct sample {
    const float *qkv, *weights, *y, *d_y;
    float* d_qkv;
  };

  static attention_sizes sizes_of(const operation_site& site) {
    const auto heads = static_cast<std::int64_t>(site.key.numbers[0]);
    const auto width = site.y[2] / heads;
    return {site.y[0],
            site.y[1],
            heads,
            width,
            static_cast<attention_mask>(static_cast<int>(site.key.numbers[1])),
            1 / std::sqrt(static_cast<float>(width))};
  }

  head_matrices of_qkv(std::int64_t rows) const {
    return {rows, at_.width, at_.width, 3 * at_.columns(), 1};
  }
  head_matrices of_result(std::int64_t rows) const {
    return {rows, at_.width, at_.width, at_.columns(), 1};
  }
  head_matrices of_weights(std::int64_t rows, std::int64_t keys) const {
    return {rows, keys, at_.square(), at_.length, 1};
  }
  kept_primitive make(const head_matrices& a, const head_matrices& b,
                      const head_matrices& y) const {
    return product_of_heads(at_.heads, a, b, y);
  }
  float* weights_of(std::int64_t b) {
    return weights_.values<float>().data() + b % kept_ * at_.heads * at_.square();
  }

  void prepare_backward() {
    d_weights_ = tensor(dtype::f32, {at_.heads, at_.length, at_.length});
    for (auto& each : blocks_) {
      const auto& [first, rows, keys, length, mask, scale] = each.scores;
      const auto queries = mask == attention_mask::causal ? length - first : length;
      const auto seen = of_weights(queries, rows).transposed();
      each.d_weights = make(of_result(rows), of_qkv(keys).transposed(), of_weights(rows, keys));
      each.d_queries = make(of_weights(rows, keys), of_qkv(keys), of_qkv(rows));
      each.d_keys = make(seen, of_qkv(queries), of_qkv(rows));
      each.d_values = make(seen, of_result(queries), of_qkv(rows));
    }
  }

  void go_back(const sample& of) {
    const auto columns = at_.columns(), row = 3 * columns;
    float* d = d_weights_.values<float>().data();
    const float *k = of.qkv + columns, *v = k + columns;
    for (auto& each : blocks_) {
      const auto first = each.scores.first;
      each.d_weights->run({of.d_y + first * columns, v, d + first * at_.length});
      for (std::int64_t h = 0; h < at_.heads; ++h)
        vectorised<&softmax_block_backward>(
            each.scores, of.weights + h * at_.square(), d + h * at_.square(),
            result_rows{of.y + h * at_.width, of.d_y + h * at_.width, at_.width, columns});
      each.d_queries->run({d + first * at_.length, k, of.d_qkv + first * row});
    }
    for (auto& each : blocks_) {
      const auto first = each.scores.first, corner = first * (at_.length + 1);
      float* d_k = of.d_qkv + first * row + columns;
      each.d_keys->run({d + corner, of.qkv + first * row, d_k});
      each.d_values->run({of.weights + corner, of.d_y + first * columns, d_k + columns});
    }
  }

  attention_sizes at_;
  std::int64_t kept_;          ///< samples whose weights are kept: evaluation needs one at a time
  tensor weights_, d_weights_; ///< the softmax of all samples; the gradient by that of one
  std::vector<block> blocks_;
};

} // namespace

variable attention(const variable& qkv, std::int64_t heads, attention_mask mask) {
  const auto& from = qkv.extents();
  LAGRANGE_EXPECT(from.rank() == 3 && from.elements() > 0 && heads >= 1 &&
                      from[2] % (3 * heads) == 0,
                  std::to_string(heads) + " heads of " + to_string(from));
  return qkv.on().record({"attention", {static_cast<double>(heads), static_cast<double>(mask)}},
                         {qkv}, {from[0], from[1], from[2] / 3}, [](const operation_site& at) {
                           return std::unique_ptr<operation>(new attention_operation(at));
                         });
}

} // namespace lagrange::ops
