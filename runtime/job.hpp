/// \file
/// A job as the user wrote it: every key of a config with its value, the defaults filled in. The
/// structs are called like the tables of the file. A key is one row of the table in job_keys.cpp,
/// which reads it, checks it, writes it and documents it; nothing else knows the keys.
///
/// A key that later issues build is unknown until then, or takes only the value that is true today.
#pragma once

#include "ops/models.hpp"
#include "ops/optimizer.hpp"
#include "runtime/catalog.hpp"
#include "runtime/error.hpp"
#include "runtime/switch_rules.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// Where each key was written, as in {"data.batch", "job.toml:7"}; keys that were left out have no
/// entry. Two jobs are equal wherever their keys were written.
struct key_places {
  std::map<std::string, std::string, std::less<>> places;
  bool operator==(const key_places&) const { return true; }
};

/// The defaults are those of apps/jobs/fashion-lenet.toml; a test keeps the two alike.
struct job {
  std::string name = "fashion-lenet"; ///< letters, digits, '-', '_' and '.'; names the run's folder
  std::uint64_t seed = 1;

  struct data_table {
    std::string format = "idx";
    std::string path = "/usr/share/datasets/fashion-mnist"; ///< absolute once parsed
    std::uint32_t batch = 32;                               ///< samples
    std::uint32_t epochs = 5;
    data_options options;
    std::string augment = "none"; ///< none or flip-crop
    bool operator==(const data_table&) const = default;
  } data;

  struct model_table {
    std::string name = "lenet";
    ops::model_settings settings; ///< that differ from those of its row
    std::string layers;           ///< a TOML list; not empty: instead of a name
    bool operator==(const model_table&) const = default;
  } model;

  struct optimizer_table {
    std::string name = "adam";
    ops::optimizer_options options;
    float clip_norm = 0;               ///< of a whole gradient; 0: none is clipped
    std::string schedule = "constant"; ///< as written: make_schedule(catalog.schedules, schedule)
    training_span warmup{};            ///< from none to all of the rate
    bool operator==(const optimizer_table& other) const;
  } optimizer;

  struct staleness_table {
    std::string policy = "ssp:3"; ///< as written: make_policy(catalog.policies, policy)
    std::string weight = "none";
    std::string compensation = "none";
    std::uint32_t local_steps = 1;
    bool dynamic_steps = false;    ///< local_steps of the fastest worker, fewer of the others
    std::string outer = "average"; ///< of deltas, under local steps
    std::vector<switch_rule> switches;
    /// Whether workers step by themselves and push deltas.
    bool is_local() const { return local_steps > 1 || outer != "average"; }
    bool operator==(const staleness_table&) const = default;
  } staleness;

  struct topology_table {
    std::uint32_t workers = 4;
    std::uint32_t min_workers = 1; ///< with fewer left the job ends
    std::uint32_t max_workers = 0; ///< that may be there at the same time; 0: as many as `workers`
    std::uint32_t shards = 2;
    std::uint32_t replicas = 0;
    std::vector<std::string> nodes{"local"};
    std::vector<std::string> devices{"cpu"};
    std::uint32_t threads = 1;      ///< per CPU worker
    std::uint64_t shard_memory = 0; ///< bytes of a shard's parameters and their optimizer state at
                                    ///< most; 0: as many as it takes
    std::string transport = "auto"; ///< auto, shm, tcp or inproc
    std::string listen = "127.0.0.1"; ///< address of this host that nodes of the job connect to
    /// Workers that the job has room for; those beyond `workers` are yet to join.
    std::uint32_t places() const { return max_workers > workers ? max_workers : workers; }
    bool operator==(const topology_table&) const = default;
  } topology;

  struct codec_table {
    std::string push = "none";
    std::string pull = "none";
    std::string compress = "none"; ///< none or zstd
    bool operator==(const codec_table&) const = default;
  } codec;

  struct precision_table {
    std::string compute = "f32";
    bool operator==(const precision_table&) const = default;
  } precision;

  /// What differs for the actors of one role; what is not said is as for all.
  struct restart_override {
    std::optional<std::uint32_t> intensity;
    std::optional<std::chrono::milliseconds> period, backoff;
    bool operator==(const restart_override&) const = default;
  };
  /// An actor that dies more than `intensity` times within `period` ends the job.
  struct restart_table {
    std::uint32_t intensity = 5;
    std::chrono::milliseconds period{60'000};
    std::chrono::milliseconds backoff{100};   ///< before a restart
    std::chrono::milliseconds silence{3'000}; ///< of an actor that then counts as dead, at least
    std::chrono::milliseconds hang{10'000};   ///< of one step that then counts as hung, at least
    std::chrono::milliseconds adoption_window{5'000}; ///< of nodes without a supervisor; 0: none
    std::string strategy = "one_for_one"; ///< who is restarted along with the one that died
    std::uint32_t batch_deaths = 3;       ///< that set a lease aside; 0: none is
    restart_override worker, shard, feeder;
    std::string worker_escalation = "end"; ///< end or go_on
    bool operator==(const restart_table&) const = default;
  } restart;

  /// Of a run, on its disk. Cuts are made while everybody goes on.
  struct checkpoint_table {
    std::chrono::milliseconds every{30'000}; ///< between two cuts; 0: none is made
    std::uint32_t keep = 3;                  ///< the newest so many
    std::chrono::milliseconds keep_for{0};   ///< and those that are younger
    bool operator==(const checkpoint_table&) const = default;
  } checkpoint;

  struct evaluation_table {
    /// Thousandths of an epoch between evaluations; the end has one always.
    std::uint64_t every = 1000;
    std::optional<double> target{0.85}; ///< test accuracy that time_to_target is measured to
    bool operator==(const evaluation_table&) const = default;
  } evaluation;

  /// How long things take in a simulation; a run takes the time it takes.
  struct simulation_table {
    std::chrono::microseconds step{10'000}; ///< that a worker computes on a step, on average
    float spread = 0.1F;                    ///< of the workers' mean steps: sigma of a lognormal
    float jitter = 0.1F;                    ///< of a worker's steps: sigma of a lognormal
    std::chrono::microseconds latency{100}; ///< between two actors, one way
    std::uint64_t bandwidth =
        10'000'000'000; ///< bits a second, of each actor each way; 0: no limit
    bool operator==(const simulation_table&) const = default;
  } simulation;

  /// Who may talk. Paths are absolute once parsed; empty ones are none.
  struct security_table {
    bool tls = false;
    std::string certificate;
    std::string key;
    std::string authority;
    std::string token_file;
    bool operator==(const security_table&) const = default;
  } security;

  /// Times that are injected; chaos_of() in job_chaos.hpp parses them.
  struct chaos_table {
    std::vector<std::string> slow; ///< as in "worker-2:5x"
    std::string jitter = "none";
    std::vector<std::string> link; ///< as in "shard-0:50ms,100Mbit"
    std::string failures = "none"; ///< as in "every 5s"
    std::uint64_t seed = 0;        ///< 0: the job's
    bool operator==(const chaos_table&) const = default;
  } chaos;

  struct output_table {
    std::string dir = "runs"; ///< run folders go here; relative to where the program was started
    bool operator==(const output_table&) const = default;
  } output;

  key_places written;
  bool operator==(const job&) const = default;
};

/// One key as documentation shows it.
struct key_row {
  std::string key;           ///< as in "data.batch"
  std::string default_value; ///< as TOML
  std::string expected;      ///< as in "a whole number from 1 to 65536"
  std::string help;
};

/// Every key of a config, in the order of to_toml.
std::vector<key_row> job_keys(const catalog& rows);

/// The job that `toml` describes: the defaults, the text over them, the `overrides` over that.
/// `origin` is the name of the file for errors, and a relative data.path starts at its folder. An
/// override is "key=VALUE": VALUE is TOML if it parses as TOML, a string otherwise, and a relative
/// path in it starts at the current folder.
/// Errors: bad_argument. The text has one line for every problem found: the file and line, the key,
/// what was found, what was expected, and the nearest valid name.
result<job> parse_job(std::string_view toml, const std::string& origin,
                      std::span<const std::string> overrides, const catalog& rows);

/// The whole job, commented; parse_job makes the same job of it.
std::string to_toml(const job& x);

/// One refusal of a key's value, with the place where it was written: "job.toml:7: data.batch = 64:
/// TEXT".
/// Requires: `key` is a key.
std::string key_error(const job& x, std::string_view key, std::string_view text);

/// What a job must know of its training data before it can be judged.
struct data_facts {
  ops::model_input input;
  std::int64_t samples = 0; ///< of the training split
};

/// What workers compute in.
ops::dtype precision_of(const job& x);

/// Units: bytes of one sample with its labels, at four each: what a batch takes at most.
std::uint64_t sample_bytes(const ops::model_input& x);

/// Opens the data set, both splits of it, and says what it holds.
/// Errors: those of the format's `open`, after the place of data.path.
/// Cost: reads the files whole, so that damage is found before anything starts.
result<data_facts> read_data_facts(const job& x, const catalog& rows);

/// Refuses what only the data and the model together show to be impossible: a batch larger than the
/// data set or than a frame, a model that does not suit the samples, more shards than parameters,
/// shards that take more memory than they may, options that the optimizer refuses. Errors:
/// bad_argument, one line for every problem, as parse_job.
result<void> check_job(const job& x, const data_facts& facts, const catalog& rows);

} // namespace lagrange::runtime
