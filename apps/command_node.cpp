// The words of the verb `node`.
#include "apps/command_words.hpp"

#include <fmt/format.h>

#include <filesystem>

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
  app.add_option("--token-file", flags.token,
                 "64 hexadecimal digits that admit to the job; a run's folder has it")
      ->type_name("FILE");
  auto* certificate =
      app.add_option("--certificate", flags.tls.certificate, "of this process: use TLS");
  auto* key = app.add_option("--key", flags.tls.key, "of the certificate");
  auto* authority = app.add_option("--authority", flags.tls.authority, "signs all certificates");
  certificate->needs(key)->type_name("FILE.pem");
  key->needs(authority)->type_name("FILE.pem");
  authority->needs(certificate)->type_name("FILE.pem");
}

/// With this token, unless a file of one is named.
result<runtime::transport::security>
read_admission(const admission_flags& flags,
               const std::optional<runtime::transport::job_token>& known = {}) {
  runtime::transport::security made;
  if (known && flags.token.empty()) {
    made.token = *known;
  } else {
    BOOST_OUTCOME_TRY(token, runtime::transport::read_token(flags.token));
    made.token = token;
  }
  if (flags.tls.certificate.empty()) return made;
  BOOST_OUTCOME_TRY(runtime::transport::check_tls(flags.tls));
  made.tls = flags.tls;
  return made;
}

} // namespace

namespace {

/// A node that nobody here starts: what it is to host it is told.
int act_join(const invocation& call, const std::string& where, const std::string& listen,
             admission_flags& files) {
  join_options options;
  options.listen = listen;
  options.catalog = &call.rows;
  std::string reasons;
  std::optional<runtime::transport::job_token> token;
  if (const auto at = apps::parse_door(where)) {
    options.at = *at;
    if (files.token.empty())
      reasons += fmt::format("--join {}: --token-file is needed, the file {} of the run's folder\n",
                             where, apps::token_name);
  } else if (std::error_code none; std::filesystem::is_directory(where, none)) {
    if (const auto found = apps::find_door(where)) {
      options.at = found.value().at;
      token = found.value().token;
    } else {
      reasons += found.error().text + "\n";
    }
  } else {
    reasons += fmt::format("--join {}: expected HOST:PORT with a port from 1 to 65535, or a run's "
                           "folder\n",
                           where);
  }
  if (!reasons.empty()) return refuse(call.text, reasons);
  const auto security = read_admission(files, token);
  if (!security) return refuse(call.text, security.error().text);
  options.security = security.value();
  return call.verbs.join(options);
}

/// What only a node's own supervisor says.
void add_own_options(CLI::App& app, CLI::Option* named, node_options& options,
                     std::uint64_t& window) {
  app.add_option("--life", options.life.value, "incarnation of the actor")
      ->needs(named)
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--supervisor-pid", options.supervisor_pid, "end when this process does")
      ->needs(named)
      ->type_name("PID")
      ->check(CLI::PositiveNumber);
  app.add_option("--residual-file", options.residual_file, "of what a codec has not sent")
      ->needs(named)
      ->type_name("FILE");
  app.add_option("--checkpoints", options.checkpoints, "where it keeps what it holds at cuts")
      ->needs(named)
      ->type_name("DIR");
  app.add_option("--run", options.run, "folder of the run, which says who commands it")
      ->needs(named)
      ->type_name("RUN");
  app.add_option("--command", options.command.value, "number of the supervisor that starts it")
      ->needs(named)
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--adoption-window", window, "wait so long for another supervisor")
      ->needs(named)
      ->type_name("MILLISECONDS")
      ->check(CLI::Range(std::uint64_t{0}, window_max));
  app.add_option("--journal", options.journal_file, "of a shard: what it did")
      ->needs(named)
      ->type_name("FILE");
}

} // namespace

int act_node(const invocation& call) {
  CLI::App app("Hosts one actor of a job.\n\n"
               "Without --name it joins a running job, which gives it a worker's place:\n"
               "  lagrange node --join RUN\n"
               "  lagrange node --join HOST:PORT --token-file FILE\n"
               "The job's supervisor starts its own nodes, and says what they host.",
               "node");
  std::string name, join;
  node_options options;
  auto* named = app.add_option("--name", name, "what it hosts, as in worker-2")->type_name("NAME");
  app.add_option("--join", join, "where the supervisor listens, or the run's folder")
      ->required()
      ->type_name("HOST:PORT");
  app.add_option("--listen", options.listen, "address to listen at")
      ->capture_default_str()
      ->type_name("ADDR");
  std::uint64_t window = 0;
  add_own_options(app, named, options, window);
  admission_flags files;
  add_admission_options(app, files);
  if (const auto status = parse(app, call)) return *status;
  if (named->count() == 0) return act_join(call, join, options.listen, files);
  std::string reasons;
  if (const auto parsed = parse_name(name))
    options.name = *parsed;
  else
    reasons += fmt::format(
        "--name {}: no name of an actor, expected one as in worker-2 or shard-0\n", name);
  if (const auto at = apps::parse_door(join)) {
    options.join_host = at->host;
    options.join_port = at->port;
  } else {
    reasons += fmt::format("--join {}: expected HOST:PORT with a port from 1 to 65535\n", join);
  }
  if (files.token.empty())
    reasons += "--token-file: is needed, a file of 64 hexadecimal digits\n";
  else if (const auto security = read_admission(files))
    options.security = security.value();
  else
    reasons += security.error().text + "\n";
  if (!reasons.empty()) return refuse(call.text, reasons);
  options.adoption_window = std::chrono::milliseconds(window);
  options.catalog = &call.rows;
  return call.verbs.node(options);
}

} // namespace lagrange
