#include "ops/tape.hpp"

#include "ops/half.hpp"
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

view variable::readable() const { return tape_->on_.readable(contents()); }

std::span<const float> variable::floats() const {
  return tape_->on_.readable(tape_->widened(contents())).in();
}

float variable::item() const {
  const auto all = values<float>();
  LAGRANGE_EXPECT(all.size() == 1, "the number of " + to_string(extents()));
  return all[0];
}

// ---- forward ------------------------------------------------------------------------------------

tape::tape(pass_mode mode, dtype precision)
    : own_(host_processor()), on_(*own_), mode_(mode), precision_(precision), pool_(on_) {}

tape::tape(pass_mode mode, dtype precision, processor& on)
    : on_(on), mode_(mode), precision_(precision), pool_(on_) {}

void tape::begin(std::uint64_t key) {
  ++step_;
  key_ = key;
  on_.begin();
  for (std::uint32_t i = 0; i < used_; ++i) release(nodes_[i]);
  used_ = 0;
}

variable tape::add_node(shape extents) {
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

variable tape::constant(shape extents, view data) {
  LAGRANGE_EXPECT(static_cast<std::int64_t>(data.count) == extents.elements(),
                  std::to_string(data.count) + " elements for " + to_string(extents));
  auto made = add_node(extents);
  auto& at = nodes_[made.node_];
  at.what.reset();
  at.y = on_.brought(data);
  return made;
}

variable tape::parameter(shape extents, std::span<const float> values, std::span<float> gradient,
                         std::size_t position) {
  // It is only read.
  auto made = constant(extents, {dtype::f32, const_cast<float*>(values.data()), values.size()});
  if (is_half(precision_) && extents.rank() >= 2) {
    auto& at = nodes_[made.node_];
    const auto exact = at.y;
    at.y = take(at.own, precision_, extents);
    on_.convert(exact, at.y);
  }
  if (gradient.empty() || mode_ == pass_mode::evaluation) return made;
  LAGRANGE_EXPECT(gradient.size() == values.size(),
                  std::to_string(gradient.size()) + " gradients for " + to_string(extents));
  auto& at = nodes_[made.node_];
  at.d = on_.gradient(gradient);
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

variable tape::record(const operation_key& key, std::initializer_list<variable> x, shape y,
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
    at.what = on_.make({key, at.x_extents, y, mode_, precision_}, make);
  }
  for (const auto& each : x) {
    auto& from = nodes_[each.node_];
    at.x.push_back(each.node_);
    if (from.gradient == gradient_state::unwanted) continue;
    ++from.waiting;
    at.gradient = gradient_state::awaited;
  }
  at.y = take(at.own, y.rank() > 0 ? precision_ : dtype::f32, y);
  views room;
  const bool is_narrowed = computed(at.y.type, at) != at.y.type;
  const auto result = is_narrowed ? room_for(y.elements()) : at.y;
  at.what->forward({operands(at, room), result, key_of(at)});
  if (is_narrowed) on_.convert(result, at.y);
  clear_copies();
  return made;
}

std::span<const view> tape::operands(const node& of, views& room) {
  std::ranges::transform(of.x, room.begin(),
                         [&](auto index) { return widened(nodes_[index].y, of); });
  return std::span(room).first(of.x.size());
}

dtype tape::computed(dtype stored) const {
  return is_half(stored) && !on_.computes_in(stored) ? dtype::f32 : stored;
}

dtype tape::computed(dtype stored, const node& by) const {
  return is_half(stored) && by.what->computes_in(stored) ? stored : computed(stored);
}

view tape::room_for(std::int64_t elements, dtype type) {
  return take(copies_.emplace_back(), type, {elements});
}

view tape::widened(const view& x) {
  if (computed(x.type) == x.type) return x;
  const auto made = room_for(static_cast<std::int64_t>(x.count));
  on_.convert(x, made);
  return made;
}

view tape::widened(const view& x, const node& by) {
  return computed(x.type, by) == x.type ? x : widened(x);
}

void tape::clear_copies() {
  for (auto& each : copies_) pool_.put(std::move(each));
  copies_.clear();
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

float tape::backward(const variable& of, gradient_observer* tell, float scale) {
  check({of});
  auto& last = nodes_[of.node_];
  LAGRANGE_EXPECT(of.elements() == 1, "the gradient of " + to_string(of.extents()));
  const float& found = on_.promised(widened(last.y));
  auto* now = on_.is_deferred() ? nullptr : tell;
  for (auto& each : std::span(nodes_).first(used_))
    if (each.is_parameter && each.waiting == 0) settle(each, now);
  if (last.gradient != gradient_state::unwanted) {
    on_.fill(begin_gradient(last), scale);
    walk_back(now);
  }
  on_.finish();
  if (now != tell)
    for (auto i = used_; i-- > 0;)
      if (nodes_[i].is_parameter) tell->on_final(nodes_[i].position);
  return found;
}

void tape::walk_back(gradient_observer* tell) {
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
  if (from.what->passes_gradient())
    pass_gradient(from);
  else
    add_gradients(from);
  clear_copies();
}

/// The gradient of a parameter is final.
void tape::settle(node& of, gradient_observer* tell) {
  if (of.gradient == gradient_state::awaited) on_.fill(begin_gradient(of), 0);
  if (tell != nullptr) tell->on_final(of.position);
}

view tape::begin_gradient(node& of) {
  of.gradient = gradient_state::begun;
  if (!of.is_parameter) of.d = take(of.own_d, of.y.type, of.extents);
  return of.d;
}

/// Adds to the gradient of an operand.
void tape::give(node& to, const view& d) {
  if (to.gradient == gradient_state::unwanted) return;
  const bool is_first = to.gradient == gradient_state::awaited;
  const auto place = is_first ? begin_gradient(to) : to.d;
  if (is_first) return on_.convert(d, place);
  if (computed(place.type) == place.type) return on_.add(d, place);
  const auto sum = widened(place);
  on_.add(widened(d), sum);
  on_.convert(sum, place);
}

/// Every operand gets the gradient of the result; the first that has none yet its very memory.
void tape::pass_gradient(node& from) {
  views room;
  const auto d = widened(from.d);
  from.what->backward({operands(from, room), widened(from.y), d, {}, key_of(from)});
  node* heir = nullptr;
  for (const auto index : from.x) {
    auto& to = nodes_[index];
    const bool may_inherit = to.gradient == gradient_state::awaited && !to.is_parameter &&
                             d.data == from.d.data && to.y.type == from.d.type;
    if (may_inherit && heir == nullptr)
      heir = &to;
    else
      give(to, d);
  }
  if (heir == nullptr) return;
  if (heir->gradient == gradient_state::begun) return give(*heir, d); // it was there twice
  heir->own_d = std::move(from.own_d);
  from.own_d = {};
  heir->d = std::exchange(from.d, {});
  heir->gradient = gradient_state::begun;
}

/// Whether a gradient is written beside the one there is, and given to it after.
bool tape::is_apart(const node& to, const node& by) const {
  if (to.gradient == gradient_state::begun) return true;
  return !to.is_parameter && computed(to.y.type, by) != to.y.type;
}

void tape::add_gradients(node& from) {
  views room, room_d;
  std::array<bool, operands_max> are_apart{};
  for (std::size_t i = 0; i < from.x.size(); ++i) {
    auto& to = nodes_[from.x[i]];
    if (to.gradient == gradient_state::unwanted) continue;
    are_apart[i] = is_apart(to, from);
    const auto type = to.is_parameter ? dtype::f32 : computed(to.y.type, from);
    room_d[i] = are_apart[i] ? room_for(to.extents.elements(), type) : begin_gradient(to);
  }
  from.what->backward({operands(from, room), widened(from.y, from), widened(from.d, from),
                       std::span(room_d).first(from.x.size()), key_of(from)});
  for (std::size_t i = 0; i < from.x.size(); ++i)
    if (are_apart[i]) give(nodes_[from.x[i]], room_d[i]);
}

} // namespace lagrange::ops
