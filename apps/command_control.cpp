// The words of the verb `ctl`.
#include "apps/command_words.hpp"
#include "runtime/job_switch.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

namespace lagrange {

namespace {

constexpr std::array<std::string_view, 3> orders{"policy", "drain", "status"};

/// What is wrong with the order; empty if nothing is that can be known here.
std::string problem_of(const std::vector<std::string>& words, const runtime::catalog& rows) {
  if (std::ranges::find(orders, words.front()) == orders.end())
    return fmt::format("there is no order {}, expected {}{}", words.front(),
                       fmt::join(orders, ", "), runtime::did_you_mean(words.front(), orders));
  if (words.front() == "status") return words.size() == 1 ? "" : "status takes no further word";
  if (words.front() == "drain") {
    if (words.size() == 2 && parse_name(words.back())) return {};
    return words.size() == 2
               ? fmt::format("{}: no name of an actor, expected one as in worker-2", words.back())
               : "drain needs one word more: the worker that is to go, as in drain worker-2";
  }
  if (words.size() != 2)
    return "policy needs one word more: the policy to switch to, as in policy ssp:8";
  return runtime::switch_problem(words.back(), rows);
}

} // namespace

int act_control(const invocation& call) {
  CLI::App app("Gives an order to a job that runs, and waits until it is carried out.\n\n"
               "  policy POLICY   go on under another staleness policy\n"
               "  drain NODE      let a worker finish what it holds, and end it\n"
               "  status          say how far it is and who runs where, as one line of JSON",
               "ctl");
  control_request request;
  std::vector<std::string> words;
  app.add_option("RUN", request.run, "the run's folder")->required()->type_name("");
  app.add_option("ORDER", words, "as in: policy ssp:8")->required()->type_name("");
  if (const auto status = parse(app, call)) return *status;
  if (const auto problem = problem_of(words, call.rows); !problem.empty())
    return refuse(call.text, problem);
  request.order = fmt::format("{}", fmt::join(words, " "));
  return call.verbs.control(request);
}

} // namespace lagrange
