#include "apps/running_term.hpp"

#include "actors/guarded_network.hpp"
#include "apps/planes.hpp"
#include "apps/recovery.hpp"
#include "runtime/build_id.hpp"
#include "runtime/journal_history.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

namespace lagrange::apps {

using namespace runtime;

namespace {

/// The supervisor answers within this, or something is badly wrong.
constexpr std::chrono::seconds answer_deadline{10};
/// Nodes that were told to end get so long before they are killed.
constexpr std::chrono::milliseconds end_grace{2000};

/// A supervisor that is gone left with a reason, which says more than that it does not answer.
/// Requires: it is monitored.
auto gone(caf::scoped_actor& self, caf::error why) {
  if (why == caf::sec::request_receiver_down)
    self->receive([&](caf::down_msg& down) { why = std::move(down.reason); },
                  caf::after(answer_deadline) >> [] {});
  return failure(errc::peer_gone, "the supervisor " + actors::cause_of(why));
}

/// A rule that has switched the policy is done, in whatever term.
void leave_out(const std::vector<std::string>& switched, std::vector<switch_rule>& rules) {
  for (const auto& policy : switched)
    if (const auto done = std::ranges::find(rules, policy, &switch_rule::to); done != rules.end())
      rules.erase(done);
}

} // namespace

running_term::running_term(const term_parts& parts, job_id job, supervisor_term term,
                           const found_start& begin)
    : parts_(parts), job_(job), term_(term), start_(begin.start), ordered_(begin.ordered),
      self_(parts.system) {
  const auto& kept = parts.options.job.checkpoint;
  if (kept.every.count() > 0)
    writer_ = actors::write_checkpoints_with({local_files(),
                                              checkpoints_of(parts.record.path()),
                                              build_id(),
                                              {kept.keep, kept.keep_for}});
}

running_term::~running_term() {
  caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  if (local_)
    for (const auto& [who, node] : local_->nodes())
      caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
}

result<std::shared_ptr<actors::supervisor_setup>> running_term::make_setup() {
  const auto& [what, text, facts] =
      std::tie(parts_.options.job, parts_.options.job_text, parts_.options.facts);
  const auto& rows = *parts_.options.catalog;
  auto made = std::make_shared<actors::supervisor_setup>();
  const stamp self{job_, term_, {}, {}, incarnation{1}};
  made->options = make_supervisor(what, rows, facts, self);
  made->options.lives = first_lives(term_, start_, what.topology.places(), what.topology.shards);
  made->options.vacant = parts_.vacant;
  made->options.build = build_id();
  made->admits = [run = parts_.record.path()](const actor_life& who) {
    return note_anew(run, who);
  };
  made->order = make_placement(self, text, facts);
  made->order.start = start_;
  made->options.cuts.last = ordered_;
  made->options.adoption.command = parts_.record.command().number();
  made->may_command = [&record = parts_.record] { return !record.is_replaced(); };
  if (parts_.record.left()) prepare_adoption(*parts_.record.left(), made->options);
  BOOST_OUTCOME_TRY(told, origins());
  BOOST_OUTCOME_TRY(switched, switches_told(parts_.record.path(), told));
  leave_out(switched, made->options.switches.rules);
  if (!switched.empty()) made->options.job.in_force = switched_to_ = switched.back();
  if (writer_) made->writer = writer_(parts_.system, {});
  made->evaluator = parts_.evaluator;
  made->evaluated = parts_.evaluated;
  made->needs = make_plane_needs(what, rows, facts);
  return made;
}

void running_term::prepare_adoption(const left_nodes& left, supervisor_options& out) const {
  out.adoption.is_wanted = true;
  out.adoption.patience = parts_.options.job.restart.adoption_window;
  out.adoption.leaves_unsent = out.cuts.workers > 0;
  for (const auto& node : left.living) out.adoption.processes.push_back(node.who);
  for (const auto& [name, life] : left.lives) out.lives[name] = life;
}

/// The records that the term goes on from: those before it, or all that there are.
result<std::vector<journal_origin>> running_term::origins() const {
  if (!parts_.record.left()) return start_.origins();
  BOOST_OUTCOME_TRY(found, read_term_journal(parts_.record.path(), {}, term_));
  return std::vector{journal_origin{term_, found.entries.size()}};
}

result<void> running_term::start() {
  BOOST_OUTCOME_TRY(setup, make_setup());
  const auto& options = parts_.options;
  BOOST_OUTCOME_TRY(note_forgotten(setup->options.cuts.workers));
  if (options.where == hosting::in_process) {
    setup->open_plane = planes_of_process(options.security);
    setup->nodes = local_ = std::make_shared<actors::local_launcher>(
        parts_.system, actors::local_launcher_setup{options.catalog,
                                                    setup->open_plane,
                                                    parts_.record.journals(),
                                                    {},
                                                    ::getpid(),
                                                    writer_,
                                                    unsent_at(local_files(), start_)});
  } else {
    setup->open_plane = planes_of_host(options.security, options.job.topology.listen);
    setup->nodes = processes_ = std::make_shared<process_launcher>(
        options.security, parts_.record.path(), term_, unsent_at(local_files(), start_),
        succession{parts_.record.command().number(), options.job.restart.adoption_window});
  }
  supervisor_ = parts_.system.spawn(
      actors::supervisor, std::shared_ptr<const actors::supervisor_setup>(std::move(setup)));
  self_->monitor(supervisor_);
  if (processes_) {
    BOOST_OUTCOME_TRY(open_to_nodes());
  } else {
    caf::anon_send(supervisor_, actors::start_atom::value);
  }
  return success();
}

/// What workers had not sent that were gone at the cut is with nobody.
result<void> running_term::note_forgotten(std::uint32_t workers) {
  if (!start_.is_of_a_cut()) return success();
  const auto unsent = unsent_at(local_files(), start_);
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    if (parts_.vacant.contains({worker}) || !unsent({worker}).empty()) continue;
    BOOST_OUTCOME_TRY(
        note_anew(parts_.record.path(), {{actor_role::worker, worker}, start_.life_of({worker})}));
  }
  return success();
}

/// Nodes find the supervisor: those that it starts, those that another one has left, and those that
/// people start.
result<void> running_term::open_to_nodes() {
  const auto& options = parts_.options;
  const auto& host = options.job.topology.listen;
  const auto port = actors::publish(parts_.system, supervisor_, host, 0, options.security);
  if (!port)
    return failure(port.error().code, key_error(options.job, "topology.listen", port.error().text));
  processes_->join_at(host, port.value());
  const auto& left = parts_.record.left();
  if (left)
    for (const auto& node : left->living) processes_->adopt(node.who, node.pid, supervisor_);
  caf::anon_send(supervisor_, actors::start_atom::value); // before anybody can speak to it
  if (left) {
    BOOST_OUTCOME_TRY(parts_.record.command().announce(host, port.value()));
  }
  const auto& topology = options.job.topology;
  if (topology.places() <= topology.workers) return success(); // its token stays in no file
  at_ = {host, port.value()};
  BOOST_OUTCOME_TRY(made, open_door::make(parts_.record.path(), *at_, options.security.token));
  door_.emplace(std::move(made));
  return success();
}

result<watch_reply> running_term::watch() {
  result<watch_reply> made = watch_reply{};
  caf::error wrong;
  self_->request(supervisor_, answer_deadline, watch_request{})
      .receive([&](watch_reply& seen) { made = std::move(seen); },
               [&](caf::error& why) { wrong = std::move(why); });
  if (wrong) return gone(self_, std::move(wrong));
  return made;
}

result<switch_receipt> running_term::request(const switch_request& wish) {
  // A supervisor that adopts could not know how far it went.
  BOOST_OUTCOME_TRY(note_switch(parts_.record.path(), term_));
  result<switch_receipt> made = switch_receipt{};
  caf::error wrong;
  self_->request(supervisor_, answer_deadline, wish)
      .receive([&](switch_receipt& receipt) { made = std::move(receipt); },
               [&](caf::error& why) { wrong = std::move(why); });
  if (wrong) return gone(self_, std::move(wrong));
  return made;
}

result<drain_receipt> running_term::request(const drain_request& wish) {
  result<drain_receipt> made = drain_receipt{};
  caf::error wrong;
  self_->request(supervisor_, answer_deadline, wish)
      .receive([&](drain_receipt& receipt) { made = std::move(receipt); },
               [&](caf::error& why) { wrong = std::move(why); });
  if (wrong) return gone(self_, std::move(wrong));
  return made;
}

void running_term::stop(int signal) {
  caf::anon_send(supervisor_, actors::end_atom::value, signal);
}

void running_term::kill(const actor_life& who) {
  if (processes_) processes_->kill(who);
}

void running_term::release() {
  if (processes_) processes_->release();
}

void running_term::add_to(std::vector<pollfd>& waited) const {
  if (processes_) waited.push_back({processes_->pollable(), POLLIN, 0});
}

void running_term::look_away() {
  if (processes_) processes_->look_away();
}

result<job_result> running_term::end() {
  result<job_result> made = job_result{};
  caf::error wrong;
  self_->request(supervisor_, answer_deadline, actors::end_atom::value)
      .receive([&](const actors::job_end& found) { made = *found.what; },
               [&](caf::error& why) { wrong = std::move(why); });
  if (processes_ && !processes_->wait_for_all(end_grace)) processes_->kill_all();
  if (wrong) return gone(self_, std::move(wrong));
  return made;
}

} // namespace lagrange::apps
