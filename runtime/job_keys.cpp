#include "runtime/job_keys.hpp"

#include "runtime/job_address.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/spec.hpp"

namespace lagrange::runtime {
namespace {

using u32 = whole_key<std::uint32_t>;
using u64 = whole_key<std::uint64_t>;
using own_count = override_key<u32, std::uint32_t>;
using own_time = override_key<duration_key, std::chrono::milliseconds>;
using namespace std::chrono_literals;

/// The field at the end of a path of members.
template <auto... Path>
auto& at(job& x) {
  return (x.*....*Path);
}

template <auto Table>
std::vector<std::string_view> names(const catalog& rows) {
  std::vector<std::string_view> all;
  for (const auto& row : rows.*Table) all.push_back(row.name);
  return all;
}

/// What is wrong with the name of a row of the table and its arguments.
template <auto Table, auto Make>
std::string defect(const catalog& rows, std::string_view text) {
  const auto made = Make(rows.*Table, text);
  return made ? std::string() : made.error().text;
}
std::string schedule_defect(const catalog& rows, std::string_view text) {
  const auto made = make_schedule(rows.schedules, text, 1);
  return made ? std::string() : made.error().text;
}
std::string compensation_defect(const catalog& rows, std::string_view text) {
  const auto made = make_compensation(rows.compensations, text, 1);
  return made ? std::string() : made.error().text;
}

template <auto Table>
std::string one_of(const catalog& rows) {
  std::string text;
  for (const auto& row : rows.*Table)
    text += (text.empty() ? "one of " : ", ") + usage_of(row.name, row.arguments);
  return text;
}

// Limits. Every shard is a process, so a thousand is beyond what one host can bear; so is a
// thousand workers, which a run refuses and a simulation does not. A batch and its frame must fit
// in memory many times over. TOML's numbers end at 2^63-1.
constexpr std::uint64_t seed_max = 0x7fff'ffff'ffff'ffff;
constexpr std::uint64_t batch_max = 65'536;
constexpr std::uint64_t epochs_max = 1'000'000;
constexpr std::uint64_t workers_max = 100'000;
constexpr std::uint64_t shards_max = 1'024;
constexpr std::uint64_t local_steps_max = 1'000'000;
constexpr std::uint64_t pad_max = 1'024;
constexpr std::uint64_t context_max = 65'536;
constexpr std::uint64_t window_max = 1'000;
constexpr std::uint64_t count_max = 1'000'000;

constexpr bool is_rate(float x) { return x > 0 && x <= 100; }
constexpr bool is_fraction(float x) { return x >= 0 && x < 1; }
constexpr bool is_epsilon(float x) { return x > 0 && x <= 1; }
constexpr bool is_decay(float x) { return x >= 0 && x <= 1; }
constexpr bool is_sigma(float x) { return x >= 0 && x <= 2; }
constexpr bool is_amount(float x) { return x >= 0 && x <= 1e9F; }

using restart = job::restart_table;
using own = job::restart_override;
constexpr u32 intensity{at<&job::restart, &restart::intensity>, 0, 1'000};
constexpr duration_key period{at<&job::restart, &restart::period>, 1s, 24h};
constexpr duration_key backoff{at<&job::restart, &restart::backoff>, 0ms, 1h};

const key_rule rules[] = {
    {"name", "names the run's folder", plain_name_key{at<&job::name>}},
    {"seed", "of the parameters and the order of the samples", u64{at<&job::seed>, 0, seed_max}},

    {"data.format", "lagrange list data",
     row_name_key{at<&job::data, &job::data_table::format>, names<&catalog::data>, "data"}},
    {"data.path", "a relative path starts at the config's folder",
     path_key{at<&job::data, &job::data_table::path>, true}},
    {"data.batch", "samples of one step of one worker",
     u32{at<&job::data, &job::data_table::batch>, 1, batch_max}},
    {"data.epochs", "passes over the data",
     u32{at<&job::data, &job::data_table::epochs>, 1, epochs_max}},
    {"data.pad", "of idx: pixels of zeros on every side",
     u32{at<&job::data, &job::data_table::options, &data_options::pad>, 0, pad_max}},
    {"data.context", "of text: characters of one sample",
     u32{at<&job::data, &job::data_table::options, &data_options::context>, 1, context_max}},
    {"data.window", "of words: largest distance of a pair, in words",
     u32{at<&job::data, &job::data_table::options, &data_options::window>, 1, window_max}},
    {"data.min_count", "of words: rarer ones are left out",
     u32{at<&job::data, &job::data_table::options, &data_options::min_count>, 1, count_max}},
    {"data.augment", "of images to train on, each epoch anew",
     choice_key{at<&job::data, &job::data_table::augment>, {"none", "flip-crop"}}},

    {"model.name", "lagrange list models",
     row_name_key{at<&job::model, &job::model_table::name>, names<&catalog::models>, "models"}},

    {"optimizer.name", "lagrange list optimizers",
     row_name_key{at<&job::optimizer, &job::optimizer_table::name>, names<&catalog::optimizers>,
                  "optimizers"}},
    {"optimizer.rate", "learning rate",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::rate>,
              is_rate, "a number above 0, at most 100"}},
    {"optimizer.momentum", "of sgd, momentum and nesterov",
     real_key{
         at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::momentum>,
         is_fraction, "a number from 0 up to, not including, 1"}},
    {"optimizer.beta1", "of adam, adamw and lamb: decay of the mean",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::beta1>,
              is_fraction, "a number from 0 up to, not including, 1"}},
    {"optimizer.beta2", "of adam, adamw and lamb: decay of the square",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::beta2>,
              is_fraction, "a number from 0 up to, not including, 1"}},
    {"optimizer.epsilon", "of adam, adamw, lamb and adagrad: added to the root",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::epsilon>,
              is_epsilon, "a number above 0, at most 1"}},
    {"optimizer.weight_decay",
     "times the parameter, added to the gradient, or of adamw and lamb to the step",
     real_key{
         at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::weight_decay>,
         is_decay, "a number from 0 to 1"}},
    {"optimizer.beta", "of ftrl: rate / beta is the rate of an element that has not moved",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::beta>,
              is_amount, "a number from 0 to 1e9"}},
    {"optimizer.l1", "of ftrl: makes parameters zero",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::l1>,
              is_amount, "a number from 0 to 1e9"}},
    {"optimizer.l2", "of ftrl: makes parameters small",
     real_key{at<&job::optimizer, &job::optimizer_table::options, &ops::optimizer_options::l2>,
              is_amount, "a number from 0 to 1e9"}},
    {"optimizer.clip_norm", "a gradient whose norm is larger is scaled down to it; 0: none is",
     real_key{at<&job::optimizer, &job::optimizer_table::clip_norm>, is_amount,
              "a number from 0 to 1e9"}},
    {"optimizer.schedule", "lagrange list schedules",
     spec_key{at<&job::optimizer, &job::optimizer_table::schedule>, schedule_defect,
              one_of<&catalog::schedules>}},
    {"optimizer.warmup", "over so many samples the rate grows from none to all",
     training_span_key{at<&job::optimizer, &job::optimizer_table::warmup>}},

    {"staleness.policy", "lagrange list policies",
     spec_key{at<&job::staleness, &job::staleness_table::policy>,
              defect<&catalog::policies, make_policy>, one_of<&catalog::policies>}},
    {"staleness.weight", "of a late gradient: lagrange list weights",
     spec_key{at<&job::staleness, &job::staleness_table::weight>,
              defect<&catalog::weights, make_weight>, one_of<&catalog::weights>}},
    {"staleness.compensation", "for a late gradient: lagrange list compensations",
     spec_key{at<&job::staleness, &job::staleness_table::compensation>, compensation_defect,
              one_of<&catalog::compensations>}},
    {"staleness.local_steps", "batches of one lease, each a step of the worker's own",
     u32{at<&job::staleness, &job::staleness_table::local_steps>, 1, local_steps_max}},
    {"staleness.dynamic_steps",
     "a lease of a slower worker has fewer batches, so that all push "
     "equally often",
     flag_key{at<&job::staleness, &job::staleness_table::dynamic_steps>}},
    {"staleness.outer", "of what is pushed after local steps: lagrange list outers",
     spec_key{at<&job::staleness, &job::staleness_table::outer>,
              defect<&catalog::outers, make_outer>, one_of<&catalog::outers>}},

    {"staleness.switch",
     "of the policy while the job runs, each once: at = \"epoch 1\" or when = "
     "\"loss rises 20%\", and to",
     switch_list_key{at<&job::staleness, &job::staleness_table::switches>}},

    {"topology.workers", "compute gradients; each a process, of which a run has at most 1024",
     u32{at<&job::topology, &job::topology_table::workers>, 1, workers_max}},
    {"topology.min_workers", "a job that gives workers up ends with fewer left",
     u32{at<&job::topology, &job::topology_table::min_workers>, 1, workers_max}},
    {"topology.max_workers",
     "that may be there at the same time, with those that join; 0: as many as topology.workers",
     u32{at<&job::topology, &job::topology_table::max_workers>, 0, workers_max}},
    {"topology.shards", "own the parameters, each a process",
     u32{at<&job::topology, &job::topology_table::shards>, 1, shards_max}},
    {"topology.replicas", "of each shard, each a process that takes its place if it dies",
     u32{at<&job::topology, &job::topology_table::replicas>, 0, 1},
     "a shard has one replica or none today"},
    {"topology.nodes", "where the processes run",
     only_list_key{at<&job::topology, &job::topology_table::nodes>, "local"},
     "a job runs on one host today"},
    {"topology.devices", "what the workers compute on, dealt to them in turns",
     device_list_key{at<&job::topology, &job::topology_table::devices>}},
    {"topology.threads", "of one worker",
     u32{at<&job::topology, &job::topology_table::threads>, 1, 256}},

    {"topology.shard_memory", "a shard's parameters and optimizer state may take; \"none\": all",
     size_key{at<&job::topology, &job::topology_table::shard_memory>}},
    {"topology.transport", "how tensors travel; auto: the nearest way each pair shares",
     choice_key{at<&job::topology, &job::topology_table::transport>,
                {"auto", "shm", "tcp", "inproc"}}},

    {"topology.listen", "address of this host that nodes connect to: of one that others reach, too",
     rule_key{at<&job::topology, &job::topology_table::listen>, listen_problem,
              "an address of this host, as in \"127.0.0.1\", or its name"}},

    {"codec.push", "lagrange list codecs",
     codec_key{at<&job::codec, &job::codec_table::push>, codec_key::values::some}},
    {"codec.pull", "lagrange list codecs",
     codec_key{at<&job::codec, &job::codec_table::pull>, codec_key::values::all}},
    {"codec.compress", "of tensors on links that leave the host",
     choice_key{at<&job::codec, &job::codec_table::compress>, {"none", "zstd"}}},

    {"precision.compute", "of workers; parameters and optimizers stay in f32",
     choice_key{at<&job::precision, &job::precision_table::compute>, {"f32", "bf16", "f16"}}},

    {"restart.intensity", "restarts of one actor in the period; more end the job", intensity},
    {"restart.period", "as in \"60s\"", period},
    {"restart.backoff", "before a restart", backoff},
    {"restart.silence", "an actor that says nothing for so long, or longer by its habit, is dead",
     duration_key{at<&job::restart, &job::restart_table::silence>, 1s, 1h}},
    {"restart.hang", "a worker whose step takes so long, or longer by its habit, is dead",
     duration_key{at<&job::restart, &job::restart_table::hang>, 1s, 1h}},
    {"restart.adoption_window", "nodes whose supervisor has died wait so long for another one",
     duration_key{at<&job::restart, &job::restart_table::adoption_window>, 0s, 1h}},
    {"restart.strategy", "who is restarted along with an actor that died, of the workers",
     choice_key{at<&job::restart, &job::restart_table::strategy>,
                {"one_for_one", "rest_for_one", "all"}}},
    {"restart.batch_deaths", "a batch that so many workers died with is set aside; 0: none is",
     u32{at<&job::restart, &job::restart_table::batch_deaths>, 0, 1'000}},
    {"restart.worker.intensity", "of workers alone",
     own_count{at<&job::restart, &restart::worker, &own::intensity>, intensity}},
    {"restart.worker.period", "of workers alone",
     own_time{at<&job::restart, &restart::worker, &own::period>, period}},
    {"restart.worker.backoff", "of workers alone",
     own_time{at<&job::restart, &restart::worker, &own::backoff>, backoff}},
    {"restart.worker.escalation", "one that dies too often ends the job, or it goes on without",
     choice_key{at<&job::restart, &restart::worker_escalation>, {"end", "go_on"}}},
    {"restart.shard.intensity", "of shards alone",
     own_count{at<&job::restart, &restart::shard, &own::intensity>, intensity}},
    {"restart.shard.period", "of shards alone",
     own_time{at<&job::restart, &restart::shard, &own::period>, period}},
    {"restart.shard.backoff", "of shards alone",
     own_time{at<&job::restart, &restart::shard, &own::backoff>, backoff}},
    {"restart.feeder.intensity", "of the feeder alone",
     own_count{at<&job::restart, &restart::feeder, &own::intensity>, intensity}},
    {"restart.feeder.period", "of the feeder alone",
     own_time{at<&job::restart, &restart::feeder, &own::period>, period}},
    {"restart.feeder.backoff", "of the feeder alone",
     own_time{at<&job::restart, &restart::feeder, &own::backoff>, backoff}},

    {"checkpoint.every", "between two; \"0s\": none is made",
     duration_key{at<&job::checkpoint, &job::checkpoint_table::every>, 0ms, 24h}},
    {"checkpoint.keep", "the newest so many stay",
     u32{at<&job::checkpoint, &job::checkpoint_table::keep>, 1, 1'000}},
    {"checkpoint.keep_for", "younger ones stay, too, however many",
     duration_key{at<&job::checkpoint, &job::checkpoint_table::keep_for>, 0ms, 720h}},

    {"evaluation.every", "on the test split; the end of the job has one always",
     epochs_key{at<&job::evaluation, &job::evaluation_table::every>}},
    {"evaluation.target", "time_to_target_seconds is measured to it, or \"none\"",
     target_key{at<&job::evaluation, &job::evaluation_table::target>}},

    {"simulation.step", "of lagrange simulate: mean time that a worker computes on a step",
     fine_duration_key{at<&job::simulation, &job::simulation_table::step>, 1us, 1min}},
    {"simulation.spread", "of the workers' mean steps: sigma of a lognormal distribution",
     real_key{at<&job::simulation, &job::simulation_table::spread>, is_sigma,
              "a number from 0 to 2"}},
    {"simulation.jitter", "of the steps of one worker: sigma of a lognormal distribution",
     real_key{at<&job::simulation, &job::simulation_table::jitter>, is_sigma,
              "a number from 0 to 2"}},
    {"simulation.latency", "between two actors, one way",
     fine_duration_key{at<&job::simulation, &job::simulation_table::latency>, 0us, 1min}},
    {"simulation.bandwidth", "of each actor, each way",
     bit_rate_key{at<&job::simulation, &job::simulation_table::bandwidth>}},

    {"security.tls", "between processes; then the next three are needed",
     flag_key{at<&job::security, &job::security_table::tls>}},
    {"security.certificate", "of every process of the job, as PEM",
     file_key{at<&job::security, &job::security_table::certificate>}},
    {"security.key", "of the certificate, as PEM without a password",
     file_key{at<&job::security, &job::security_table::key>}},
    {"security.authority", "signs the certificates that are trusted, as PEM",
     file_key{at<&job::security, &job::security_table::authority>}},
    {"security.token_file", "64 hexadecimal digits that admit to the job; none: drawn for each run",
     file_key{at<&job::security, &job::security_table::token_file>}},

    {"chaos.slow", "injected: whose steps take how many times as long",
     rule_list_key{at<&job::chaos, &job::chaos_table::slow>, slow_problem,
                   "a list of texts as in [\"worker-2:5x\"]"}},
    {"chaos.jitter", "injected: how much the times of steps vary",
     rule_key{at<&job::chaos, &job::chaos_table::jitter>, jitter_problem,
              "\"none\" or \"lognormal:SIGMA\" with a sigma from 0 to 2.5"}},
    {"chaos.link", "injected: latency, one way, and bandwidth of whose links",
     rule_list_key{at<&job::chaos, &job::chaos_table::link>, link_problem,
                   "a list of texts as in [\"shard-0:50ms,100Mbit\"]"}},
    {"chaos.failures", "injected: a worker is killed, so often on average",
     rule_key{at<&job::chaos, &job::chaos_table::failures>, failures_problem,
              "\"none\" or \"every TIME\" with a time from 10ms to 24h"}},
    {"chaos.seed", "of the jitter and the failures; 0: the job's",
     u64{at<&job::chaos, &job::chaos_table::seed>, 0, seed_max}},

    {"output.dir", "run folders go here, from where the program starts",
     path_key{at<&job::output, &job::output_table::dir>, false}},
};

} // namespace

std::span<const key_rule> key_rules() { return rules; }

} // namespace lagrange::runtime
