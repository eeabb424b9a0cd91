#include "ops/tape.hpp"

#include "ops/elementwise.hpp"
#include "ops/random.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::ops {

// ---- variable -----------------------------------------------------------------------------------

variable::variable(tape& on, std::uint32_t node) : tape_(&on), node_(node), step_(on.step_) {
  ++on.nodes_[node].holders;
}

variable::variable(const variable& other)
    : tape_(other.tape_), node_(other.node_), step_(other.step_) {
  if (tape_ != nullptr && step_ == tape_->step_) ++tape_->nodes_[node_].holders;
}

variable::variable(variable&& other) noexcept
    : tape_(std::exchange(other.tape_, nullptr)), node_(other.node_), step_(other.step_) {}

variable& variable::operator=(variable other) noexcept {
  std::swap(tape_, other.tape_);
  std::swap(node_, other.node_);
  std::swap(step_, other.step_);
  return *this;
}

variable::~variable() {
  if (tape_ != nullptr && step_ == tape_->step_) tape_->drop(node_);
}

const shape& variable::extents() const { return tape_->nodes_[node_].extents; }
dtype variable::type() const { return contents().type; }

view variable::contents() const {
  LAGRANGE_EXPECT(tape_ != nullptr && step_ == tape_->step_, "a variable of another step");
  return tape_->nodes_[node_].y;
}

float variable::item() const {
  const auto all = values<float>();
  LAGRANGE_EXPECT(all.size() == 1, "the number of " + to_string(extents()));
  return all[0];
}

// ---- forward ------------------------------------------------------------------------------------

void tape::begin(std::uint64_t key) {
  ++step_;
  key_ = key;
  for (std::uint32_t i = 0; i < used_; ++i) release(nodes_[i]);
  used_ = 0;
}

variable tape::add_node(const shape& extents) {
  if (used_ == nodes_.size()) nodes_.emplace_back();
  auto& made = nodes_[used_];
  made.x.clear();
  made.extents = extents;
  made.y = made.d = {};
  made.holders = made.waiting = 0;
  made.gradient = gradient_state::unwanted;
  made.is_parameter = false;
  return {*this, used_++};
}

variable tape::constant(const shape& extents, view data) {
  LAGRANGE_EXPECT(static_cast<std::int64_t>(data.count) == extents.elements(),
                  std::to_string(data.count) + " elements for " + to_string(extents));
  auto made = add_node(extents);
  auto& at = nodes_[made.node_];
  at.what.reset();
  at.y = data;
  return made;
}

variable tape::parameter(const shape& extents, std::span<const float> values,
                         std::span<float> gradient, std::size_t position) {
  // It is only read.
  auto made = constant(extents, {dtype::f32, const_cast<float*>(values.data()), values.size()});
  if (gradient.empty() || mode_ == pass_mode::evaluation) return made;
  LAGRANGE_EXPECT(gradient.size() == values.size(),
                  std::to_string(gradient.size()) + " gradients for " + to_string(extents));
  auto& at = nodes_[made.node_];
  at.d = {dtype::f32, gradient.data(), gradient.size()};
  at.gradient = gradient_state::awaited;
  at.position = position;
  at.is_parameter = true;
  return made;
}

void tape::check(std::initializer_list<variable> x) const {
  LAGRANGE_EXPECT(x.size() > 0 && x.size() <= operands_max, std::to_string(x.size()) + " operands");
  for (const auto& each : x)
    LAGRANGE_EXPECT(each.tape_ == this && each.step_ == step_,
                    "an operand of another tape or step");
}

variable tape::record(const operation_key& key, std::initializer_list<variable> x, const shape& y,
                      operation_maker make) {
  check(x);
  auto made = add_node(y);
  auto& at = nodes_[made.node_];
  const bool is_known = at.what != nullptr && at.key == key &&
                        std::ranges::equal(at.x_extents, x, {}, {}, &variable::extents);
  if (!is_known) {
    at.key = key;
    at.x_extents.clear();
    for (const auto& each : x) at.x_extents.push_back(each.extents());
    at.what = make({key, at.x_extents, y, mode_});
  }
  for (const auto& each : x) {
    auto& from = nodes_[each.node_];
    at.x.push_back(each.node_);
    if (from.gradient == gradient_state::unwanted) continue;
    ++from.waiting;
    at.gradient = gradient_state::awaited;
  }
  at.y = take(at.own, dtype::f32, y);
  views room;
  at.what->forward({operands(at, room), at.y, key_of(at)});
  return made;
}

std::span<const view> tape::operands(const node& of, views& room) const {
  std::ranges::transform(of.x, room.begin(), [&](auto index) { return nodes_[index].y; });
  return std::span(room).first(of.x.size());
}

std::uint64_t tape::key_of(const node& of) const {
  return random_sequence(key_, 0).bits(static_cast<std::uint64_t>(&of - nodes_.data()));
}

view tape::take(tensor& into, dtype type, const shape& extents) {
  into = pool_.take(type, extents);
  return {type, into.bytes(), static_cast<std::size_t>(extents.elements())};
}

void tape::release(node& of) {
  pool_.put(std::move(of.own));
  pool_.put(std::move(of.own_d));
  of.own = of.own_d = {};
}

void tape::drop(std::uint32_t index) {
  auto& of = nodes_[index];
  // In training even what has no gradient may be needed for that of others.
  if (--of.holders == 0 && mode_ == pass_mode::evaluation) release(of);
}

// ---- backward -----------------------------------------------------------------------------------

void tape::backward(const variable& of, gradient_observer* tell) {
  check({of});
  auto& last = nodes_[of.node_];
  LAGRANGE_EXPECT(of.elements() == 1, "the gradient of " + to_string(of.extents()));
  for (auto& each : std::span(nodes_).first(used_))
    if (each.is_parameter && each.waiting == 0) settle(each, tell);
  if (last.gradient == gradient_state::unwanted) return;
  begin_gradient(last).out()[0] = 1;
  for (auto i = used_; i-- > 0;) {
    auto& from = nodes_[i];
    if (from.what == nullptr || from.gradient == gradient_state::unwanted) continue;
    if (from.gradient == gradient_state::begun) go_back(from);
    for (const auto index : from.x) {
      auto& to = nodes_[index];
      if (to.gradient != gradient_state::unwanted && --to.waiting == 0 && to.is_parameter)
        settle(to, tell);
    }
    release(from);
  }
}

void tape::go_back(node& from) {
  if (!from.what->passes_gradient()) return add_gradients(from);
  views room;
  from.what->backward({operands(from, room), from.y, from.d, {}, key_of(from)});
  pass_gradient(from);
}

/// The gradient of a parameter is final.
void tape::settle(node& of, gradient_observer* tell) {
  if (of.gradient == gradient_state::awaited) std::ranges::fill(begin_gradient(of).out(), 0.0F);
  if (tell != nullptr) tell->on_final(of.position);
}

view tape::begin_gradient(node& of) {
  of.gradient = gradient_state::begun;
  if (!of.is_parameter) of.d = take(of.own_d, of.y.type, of.extents);
  return of.d;
}

/// Every operand gets the gradient of the result: the last that has none yet its very memory.
void tape::pass_gradient(node& from) {
  node* heir = nullptr;
  for (const auto index : from.x) {
    auto& to = nodes_[index];
    if (to.gradient == gradient_state::begun) {
      add_to(from.d.in(), to.d.out());
    } else if (to.gradient == gradient_state::awaited) {
      if (heir != nullptr) std::ranges::copy(from.d.in(), begin_gradient(*heir).out().begin());
      heir = &to;
      // So that the same operand a second time is added.
      if (std::ranges::count(from.x, index) > 1)
        std::ranges::copy(from.d.in(), begin_gradient(*std::exchange(heir, nullptr)).out().begin());
    }
  }
  if (heir == nullptr) return;
  if (heir->is_parameter) {
    std::ranges::copy(from.d.in(), begin_gradient(*heir).out().begin());
    return;
  }
  heir->own_d = std::move(from.own_d);
  from.own_d = {};
  heir->d = std::exchange(from.d, {});
  heir->gradient = gradient_state::begun;
}

void tape::add_gradients(node& from) {
  views room, room_d;
  std::array<tensor, operands_max> scratch;
  for (std::size_t i = 0; i < from.x.size(); ++i) {
    auto& to = nodes_[from.x[i]];
    if (to.gradient == gradient_state::awaited)
      room_d[i] = begin_gradient(to);
    else if (to.gradient == gradient_state::begun)
      room_d[i] = take(scratch[i], to.y.type, to.extents);
  }
  from.what->backward(
      {operands(from, room), from.y, from.d, std::span(room_d).first(from.x.size()), key_of(from)});
  for (std::size_t i = 0; i < from.x.size(); ++i) {
    if (scratch[i].empty()) continue;
    add_to(room_d[i].in(), nodes_[from.x[i]].d.out());
    pool_.put(std::move(scratch[i]));
  }
}

} // namespace lagrange::ops
