// The words of the verb `node`.
#include "apps/command_words.hpp"

#include <fmt/format.h>

namespace lagrange {

namespace {

using runtime::result;

/// Of restart.adoption_window. Units: milliseconds.
constexpr std::uint64_t window_max = 3'600'000;

/// The files that admit a node to its job.
struct admission_flags {
  std::string token;
  runtime::transport::tls_files tls;
};

void add_admission_options(CLI::App& app, admission_flags& flags) {
  app.add_option("--token-file", flags.token, "64 hexadecimal digits that admit to the job")
      ->required()
      ->type_name("FILE");
  auto* certificate =
      app.add_option("--certificate", flags.tls.certificate, "of this process: use TLS");
  auto* key = app.add_option("--key", flags.tls.key, "of the certificate");
  auto* authority = app.add_option("--authority", flags.tls.authority, "signs all certificates");
  certificate->needs(key)->type_name("FILE.pem");
  key->needs(authority)->type_name("FILE.pem");
  authority->needs(certificate)->type_name("FILE.pem");
}

result<runtime::transport::security> read_admission(const admission_flags& flags) {
  BOOST_OUTCOME_TRY(token, runtime::transport::read_token(flags.token));
  if (flags.tls.certificate.empty()) return runtime::transport::security{token, {}};
  BOOST_OUTCOME_TRY(runtime::transport::check_tls(flags.tls));
  return runtime::transport::security{token, flags.tls};
}

} // namespace

int act_node(const invocation& call) {
  CLI::App app("Hosts one actor of a job, for the supervisor that starts it.", "node");
  std::string name, join;
  node_options options;
  app.add_option("--name", name, "what it hosts, as in worker-2")->required()->type_name("NAME");
  app.add_option("--join", join, "where the supervisor listens")
      ->required()
      ->type_name("HOST:PORT");
  app.add_option("--listen", options.listen, "address to listen at")
      ->capture_default_str()
      ->type_name("ADDR");
  app.add_option("--life", options.life.value, "incarnation of the actor")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--supervisor-pid", options.supervisor_pid, "end when this process does")
      ->type_name("PID")
      ->check(CLI::PositiveNumber);
  app.add_option("--residual-file", options.residual_file, "of what a codec has not sent")
      ->type_name("FILE");
  app.add_option("--checkpoints", options.checkpoints, "where it keeps what it holds at cuts")
      ->type_name("DIR");
  app.add_option("--run", options.run, "folder of the run, which says who commands it")
      ->type_name("RUN");
  app.add_option("--command", options.command.value, "number of the supervisor that starts it")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  std::uint64_t window = 0;
  app.add_option("--adoption-window", window, "wait so long for another supervisor")
      ->type_name("MILLISECONDS")
      ->check(CLI::Range(std::uint64_t{0}, window_max));
  app.add_option("--journal", options.journal_file, "of a shard: what it did")->type_name("FILE");
  admission_flags files;
  add_admission_options(app, files);
  if (const auto status = parse(app, call)) return *status;
  std::string reasons;
  if (const auto parsed = parse_name(name))
    options.name = *parsed;
  else
    reasons += fmt::format(
        "--name {}: no name of an actor, expected one as in worker-2 or shard-0\n", name);
  const auto colon = join.rfind(':');
  const auto port = colon == join.npos || colon == 0
                        ? std::nullopt
                        : parse_number(std::string_view(join).substr(colon + 1), 65'535);
  if (port && *port > 0) {
    options.join_host = join.substr(0, colon);
    options.join_port = static_cast<std::uint16_t>(*port);
  } else {
    reasons += fmt::format("--join {}: expected HOST:PORT with a port from 1 to 65535\n", join);
  }
  if (const auto security = read_admission(files))
    options.security = security.value();
  else
    reasons += security.error().text + "\n";
  if (!reasons.empty()) return refuse(call.text, reasons);
  options.adoption_window = std::chrono::milliseconds(window);
  options.catalog = &call.rows;
  return call.verbs.node(options);
}

} // namespace lagrange
