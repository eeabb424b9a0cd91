#include "apps/join.hpp"

#include "actors/guarded_network.hpp"
#include "actors/node.hpp"
#include "actors/system.hpp"
#include "apps/planes.hpp"
#include "apps/process.hpp"
#include "runtime/build_id.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace lagrange {

namespace {

using namespace runtime;
using steady = std::chrono::steady_clock;

constexpr std::size_t threads = 2; ///< as of any other node
constexpr std::chrono::seconds join_patience{10};
/// How often the supervisor is asked whether it still counts on this worker.
constexpr std::chrono::milliseconds question_period{500};
constexpr std::chrono::seconds answer_patience{2};
/// Without an answer for so long this process is cut off, and its worker has long been replaced:
/// links give up a silent peer after at most as long.
constexpr std::chrono::seconds cut_off_after{10};

/// Says how it ended. Nothing is waited for: all that a worker has to lose is with its shards.
[[noreturn]] void leave(int status, const std::string& words) {
  fmt::print(stderr, "lagrange: {}\n", words);
  std::fflush(nullptr);
  std::_Exit(status);
}

class guest {
public:
  guest(caf::actor_system& system, const join_options& options, actors::supervisor_actor supervisor)
      : options_(options), supervisor_(std::move(supervisor)), self_(system) {}

  [[noreturn]] void run() {
    take_place();
    node_ = self_->spawn<caf::detached>(actors::node, make_setup());
    self_->monitor(node_);
    for (auto heard = steady::now();;) {
      caf::error ended;
      bool is_down = false;
      self_->receive(
          [&](caf::down_msg& down) {
            is_down = true;
            ended = std::move(down.reason);
          },
          caf::after(question_period) >> [] {});
      const auto answer = ask();
      if (answer && !answer->is_member) leave_as_told(*answer);
      if (is_down) leave_with(ended);
      if (answer) heard = steady::now();
      if (const auto silent = steady::now() - heard; silent >= cut_off_after)
        leave(1, fmt::format("{} is cut off: the supervisor at {} has not answered for {:.0f} s; "
                             "the job goes on without it, and it can join again",
                             name_, to_string(options_.at),
                             std::chrono::duration<double>(silent).count()));
    }
  }

private:
  void take_place() {
    join_answer answer;
    self_->request(supervisor_, join_patience, join_request{::getpid(), build_id()})
        .receive([&](join_answer& found) { answer = std::move(found); },
                 [&](const caf::error& why) {
                   answer.refusal = "the supervisor " + actors::cause_of(why);
                 });
    if (!answer.refusal.empty())
      leave(2,
            fmt::format("cannot join the job at {}: {}", to_string(options_.at), answer.refusal));
    who_ = answer.who;
    name_ = to_string(who_.name);
    apps::name_process(name_);
    fmt::print(stderr, "lagrange: joins the job at {} as {}, incarnation {}\n",
               to_string(options_.at), name_, who_.life.value);
    std::fflush(stderr);
  }

  std::shared_ptr<const actors::node_setup> make_setup() const {
    auto made = std::make_shared<actors::node_setup>();
    made->who = who_;
    made->pid = ::getpid();
    made->supervisor = supervisor_;
    made->security = options_.security;
    made->catalog = options_.catalog;
    made->listen = options_.listen;
    made->open_plane = apps::planes_of_host(options_.security, options_.listen);
    return made;
  }

  /// None: it did not answer.
  std::optional<membership_answer> ask() {
    std::optional<membership_answer> found;
    self_->request(supervisor_, answer_patience, membership_question{who_})
        .receive([&](membership_answer& answer) { found = std::move(answer); },
                 [](const caf::error&) {});
    return found;
  }

  [[noreturn]] void leave_as_told(const membership_answer& told) {
    if (told.is_over) leave(0, fmt::format("{} {}", name_, told.why_not));
    leave(1, fmt::format("{} {}; the job goes on without it, and hears nothing of this incarnation "
                         "any more: it can join again as the next",
                         name_, told.why_not));
  }

  /// The node went down, and the supervisor does not say why.
  [[noreturn]] void leave_with(const caf::error& reason) {
    if (!reason || reason == caf::exit_reason::normal)
      leave(0, fmt::format("{} is not needed any more: the job is over", name_));
    leave(1, fmt::format("{} {}; the job is over, or goes on without it", name_,
                         actors::cause_of(reason)));
  }

  const join_options& options_;
  actors::supervisor_actor supervisor_;
  caf::scoped_actor self_;
  actors::node_actor node_;
  actor_life who_;
  std::string name_;
};

} // namespace

int run_join(const join_options& options) {
  actors::system_config config(actors::network::caf, actors::scheduling::pool, threads);
  caf::actor_system system(config);
  const auto supervisor = actors::remote_actor<actors::supervisor_actor>(
      system, options.at.host, options.at.port, options.security);
  if (!supervisor)
    leave(2, fmt::format("no job to join at {}: {}; lagrange ps tells where a job listens, and its "
                         "token is in the run's folder",
                         to_string(options.at), supervisor.error().text));
  guest joined(system, options, supervisor.value());
  joined.run();
}

} // namespace lagrange
