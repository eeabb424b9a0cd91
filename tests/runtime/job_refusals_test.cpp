// Fifty configs that must be refused, each with what the refusal has to say.
#include "runtime/job.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace lagrange::runtime;

namespace {

struct broken_config {
  std::string toml;
  std::vector<std::string> said; ///< after "job.toml:", in this order or any other
};

const broken_config broken[] = {
    // Values out of range.
    {"seed = -1", {"job.toml:1: seed = -1", "whole number from 0 to"}},
    {"[data]\nbatch = 0", {"job.toml:2: data.batch = 0", "whole number from 1 to 65536"}},
    {"[data]\nbatch = -64", {"job.toml:2: data.batch = -64", "from 1"}},
    {"[data]\nbatch = 65537", {"data.batch = 65537", "to 65536"}},
    {"[data]\n\nepochs = 0", {"job.toml:3: data.epochs = 0", "from 1 to 1000000"}},
    {"[optimizer]\nrate = 0", {"job.toml:2: optimizer.rate = 0", "a number above 0"}},
    {"[optimizer]\nrate = -0.1", {"optimizer.rate = -0.1", "a number above 0"}},
    {"[optimizer]\nrate = nan", {"optimizer.rate = nan", "a number above 0"}},
    {"[optimizer]\nrate = inf", {"optimizer.rate = inf", "at most 100"}},
    {"[optimizer]\nmomentum = 1.0", {"optimizer.momentum = 1.0", "not including, 1"}},
    {"[optimizer]\nbeta1 = -0.5", {"optimizer.beta1 = -0.5", "from 0"}},
    {"[optimizer]\nepsilon = 0", {"optimizer.epsilon = 0", "above 0"}},
    {"[optimizer]\nweight_decay = 2", {"optimizer.weight_decay = 2", "from 0 to 1"}},
    {"[optimizer]\nl1 = -1", {"job.toml:2: optimizer.l1 = -1", "from 0 to 1e9"}},
    {"[optimizer]\nclip_norm = -1", {"optimizer.clip_norm = -1", "from 0 to 1e9"}},
    {"[optimizer]\nschedule = \"cosin:5\"",
     {"job.toml:2: optimizer.schedule", "cosine:SAMPLES[:FINAL]", "did you mean \"cosine\"?"}},
    {"[optimizer]\nschedule = \"step:0:0.5\"", {"EVERY of schedule step is 0, expected 1 or more"}},
    {"[optimizer]\nwarmup = -1", {"job.toml:2: optimizer.warmup = -1", "a number of samples"}},
    {"[optimizer]\nwarmup = \"5 weeks\"", {"optimizer.warmup", "as in \"3 epochs\""}},
    {"[topology]\nworkers = 0", {"job.toml:2: topology.workers = 0", "from 1 to 100000"}},
    {"[topology]\nworkers = 500000", {"topology.workers = 500000", "to 100000"}},
    {"[topology]\nshards = 0", {"topology.shards = 0", "from 1 to 1024"}},
    {"[topology]\nshard_memory = 256", {"topology.shard_memory = 256", "as in \"256MB\""}},
    {"[topology]\nshard_memory = \"0MB\"", {"topology.shard_memory = \"0MB\"", "\"none\" or"}},
    {"[topology]\nshard_memory = \"99999999999GiB\"", {"topology.shard_memory", "GiB"}},
    {"[restart]\nintensity = -1", {"restart.intensity = -1", "from 0 to 1000"}},
    {"[restart]\nperiod = \"0s\"", {"restart.period = \"0s\"", "a time from \"1s\" to \"24h\""}},
    {"[restart]\nbackoff = \"2h\"", {"restart.backoff = \"2h\"", "to \"60m\""}},
    {"[restart]\nstrategy = \"some\"", {"restart.strategy = \"some\"", "one_for_one"}},
    {"[checkpoint]\nevery = 30", {"checkpoint.every = 30", "a time from \"0ms\" to \"24h\""}},
    {"[checkpoint]\nkeep = 0", {"checkpoint.keep = 0", "from 1 to 1000"}},
    {"[checkpoint]\nkeep_for = \"721h\"", {"checkpoint.keep_for = \"721h\"", "to \"720h\""}},
    {"[restart]\nsilence = \"200ms\"", {"restart.silence = \"200ms\"", "from \"1s\" to \"60m\""}},
    {"[restart]\nadoption_window = \"2h\"", {"restart.adoption_window = \"2h\"", "to \"60m\""}},
    {"[simulation]\nstep = \"0us\"",
     {"job.toml:2: simulation.step = \"0us\"", "a time from \"1us\" to \"60s\""}},
    {"[simulation]\nstep = \"2m\"", {"simulation.step = \"2m\"", "with us, ms or s"}},
    {"[simulation]\nstep = 10", {"simulation.step = 10", "a time from"}},
    {"[simulation]\nlatency = \"-1ms\"", {"simulation.latency = \"-1ms\"", "a time from"}},
    {"[simulation]\nlatency = \"99999999999999999999us\"", {"simulation.latency", "a time from"}},
    {"[simulation]\njitter = -0.1", {"simulation.jitter = -0.1", "from 0 to 2"}},
    {"[simulation]\nspread = nan", {"simulation.spread = nan", "from 0 to 2"}},
    {"[simulation]\nbandwidth = \"10MB\"", {"simulation.bandwidth = \"10MB\"", "\"100Mbit\""}},
    {"[simulation]\nbandwidth = \"0bit\"", {"simulation.bandwidth = \"0bit\"", "\"none\" or"}},
    {"[staleness]\nswitch = \"asp\"", {"job.toml:2: staleness.switch", "list of at most 64 rules"}},
    {"[staleness]\nswitch = [\"asp\"]", {"rule 1: expected a table"}},
    {"[staleness]\nswitch = [{at = \"epoch 1\"}]", {"rule 1: to is missing"}},
    {"[staleness]\nswitch = [{to = \"asp\"}]", {"rule 1: expected either at"}},
    {"[staleness]\nswitch = [{at = \"epoch 1\", to = \"sps:1\"}]", {"did you mean \"ssp\"?"}},
    {"[staleness]\nswitch = [{at = 1, to = \"asp\"}]", {"rule 1: at = 1, expected a text"}},
    {"[staleness]\nswitch = [{on = \"epoch 1\", to = \"asp\"}]", {"on is none of at, when and to"}},
    {"[staleness]\nswitch = [{at = \"epoch 1\", to = \"dssp:1:00000000000000000000000000000002\"}]",
     {"journal's entry holds 32"}},
    {"[evaluation]\ntarget = 1.5", {"evaluation.target = 1.5", "above 0, at most 1"}},
    {"[evaluation]\ntarget = 0", {"evaluation.target = 0", "above 0, at most 1"}},
    {"[evaluation]\nevery = \"0 epochs\"",
     {"evaluation.every = \"0 epochs\"", "\"0.001 epochs\" to"}},
    {"[evaluation]\nevery = \"0.0005 epochs\"", {"evaluation.every = \"0.0005 epochs\""}},
    {"[evaluation]\nevery = \".5 epochs\"", {"evaluation.every = \".5 epochs\""}},
    {"[evaluation]\nevery = \"1. epochs\"", {"evaluation.every = \"1. epochs\""}},
    {"[evaluation]\nevery = \"99999999999999999999 epochs\"", {"evaluation.every"}},
    // Values of the wrong type.
    {"[security]\ntls = 1", {"job.toml:2: security.tls = 1", "true or false"}},
    {"[security]\ntls = \"yes\"", {"security.tls = \"yes\"", "true or false"}},
    {"[security]\nkey = false", {"security.key = false", "the path of a file", "\"none\""}},
    {"[security]\nauthority = \"\"", {"security.authority = \"\"", "the path of a file"}},
    {"name = 3", {"job.toml:1: name = 3", "letters, digits"}},
    {"seed = \"one\"", {"seed = \"one\"", "whole number"}},
    {"seed = 1.5", {"seed = 1.5", "whole number"}},
    {"[data]\nbatch = \"64\"", {"data.batch = \"64\"", "whole number"}},
    {"[data]\nbatch = 64.0", {"data.batch = 64.0", "whole number"}},
    {"[data]\nbatch = true", {"data.batch = true", "whole number"}},
    {"[data]\nbatch = [64]", {"data.batch = [ 64 ]", "whole number"}},
    {"[data]\npad = 1025", {"data.pad = 1025", "from 0 to 1024"}},
    {"[data]\ncontext = 0", {"data.context = 0", "from 1 to 65536"}},
    {"[data]\nwindow = 0", {"data.window = 0", "from 1 to 1000"}},
    {"[data]\nmin_count = 0", {"data.min_count = 0", "from 1 to 1000000"}},
    {"[data]\naugment = \"crop\"", {"data.augment = \"crop\"", "\"none\" or \"flip-crop\""}},
    {"[data]\npath = 7", {"data.path = 7", "a path, as text in quotes"}},
    {"[data]\npath = \"\"", {"data.path = \"\"", "a path"}},
    {"[data]\npath = \"a\\u0000b\"", {"data.path = \"a\\u0000b\"", "a path"}},
    {"[data.batch]\nsize = 3", {"data.batch = a table", "whole number"}},
    {"data = 3", {"job.toml:1: data = 3", "expected a table [data]"}},
    {"[[data]]\nbatch = 3", {"data = ", "expected a table [data]"}},
    {"[optimizer]\nrate = \"fast\"", {"optimizer.rate = \"fast\"", "a number above 0"}},
    {"[restart]\nperiod = 60", {"restart.period = 60", "a time from"}},
    {"[restart]\nbackoff = \"100 ms\"", {"restart.backoff = \"100 ms\"", "ms, s, m or h"}},
    {"[evaluation]\nevery = 1", {"evaluation.every = 1", "\"0.001 epochs\""}},
    {"name = 2024-01-01", {"name = 2024-01-01", "letters, digits"}},
    // Names that do not exist.
    {"[data]\nformat = \"idxx\"", {"data.format = \"idxx\"", "\"idx\"", "did you mean \"idx\"?"}},
    {"[model]\nname = \"lennet\"", {"model.name = \"lennet\"", "did you mean \"lenet\"?"}},
    {"[optimizer]\nname = \"adamm\"",
     {"job.toml:2: optimizer.name = \"adamm\"", "\"sgd\", \"momentum\"", "did you mean \"adam\"?"}},
    {"name = \"../../etc\"", {"name = \"../../etc\"", "letters, digits"}},
    {"name = \"\"", {"name = \"\"", "1 to 64"}},
    // Policies.
    {"[staleness]\npolicy = \"ssp:-1\"",
     {"job.toml:2: staleness.policy = \"ssp:-1\"", "whole number from 0"}},
    {"[staleness]\npolicy = \"ssp\"", {"staleness.policy = \"ssp\"", "expected ssp:BOUND"}},
    {"[staleness]\npolicy = \"ssp:3:4\"", {"ssp:3:4", "expected ssp:BOUND"}},
    {"[staleness]\npolicy = \"spp:3\"", {"spp:3", "bsp, ssp:BOUND, asp", "did you mean"}},
    {"[staleness]\npolicy = \"bsp:1\"", {"bsp:1", "expected bsp"}},
    {"[staleness]\npolicy = 3", {"staleness.policy = 3", "one of bsp, ssp:BOUND, asp"}},
    // Keys that do not exist.
    {"sede = 1", {"job.toml:1: unknown key sede", "did you mean \"seed\"?"}},
    {"epochs = 3", {"unknown key epochs", "did you mean \"data.epochs\"?"}},
    {"[data]\nepoch = 3", {"job.toml:2: unknown key data.epoch", "did you mean \"data.epochs\"?"}},
    {"[dta]\nbatch = 3", {"unknown table dta", "did you mean \"data\"?"}},
    {"[model]\nlayers = \"x\"", {"unknown key model.layers", "expected one of name in [model]"}},
    {"[model]\nlayers = [3]", {"model.layers: layers[0]", "type = \"linear\""}},
    {"[model]\nlayers = [{type = \"lnear\"}]", {"model.layers: layers[0]", "linear"}},
    {"[model]\nlayers = [{type = \"gelu\"}, {type = \"embedding\", width = 8}]",
     {"model.layers: layers[1]", "first layer of all"}},
    {"[model]\nlayers = [{type = \"attention\", heads = 2}]",
     {"model.layers: layers[0]", "\"causal\" is missing", "true or false"}},
    {"[model]\nlayers = [{type = \"linear\", outputs = -1}]",
     {"model.layers: layers[0]", "\"outputs\"", "from 0 to 16777216, not -1"}},
    {"[checkpont]\nevery = \"30s\"", {"unknown table checkpont", "did you mean \"checkpoint\"?"}},
    {"[staleness]\nouter = \"diloc\"", {"staleness.outer = \"diloc\"", "\"diloco\""}},
    {"[topology]\nworkers_max = 1",
     {"unknown key topology.workers_max", "one of workers, min_workers, max_workers, shards"}},
    {"[topology]\nmax_workers = -1", {"topology.max_workers = -1", "from 0 to 100000"}},
    {"[topology]\nlisten = \"0.0.0.0\"",
     {"topology.listen = \"0.0.0.0\"", "every address of this host", "name the one"}},
    {"[topology]\nlisten = \"10.0.0.1:80\"", {"topology.listen", "has a port"}},
    {"[topology]\nlisten = \"my host\"", {"topology.listen", "no address and no name"}},
    {"[topology]\nlisten = 7", {"topology.listen = 7", "as in \"127.0.0.1\""}},
    // What later releases bring.
    {"[topology]\nreplicas = 2",
     {"topology.replicas = 2, expected a whole number from 0 to 1", "one replica or none today"}},
    {"[topology]\nnodes = [\"host:1\"]", {"topology.nodes", "[\"local\"]", "one host today"}},
    {"[chaos]\nslow = [\"worker-2:5x\", \"worker-1:fast\"]",
     {"job.toml:2: chaos.slow = [", "slower by \"fast\"", "as in worker-2:5x"}},
    {"[chaos]\nslow = 5", {"chaos.slow = 5", "not all of it is text"}},
    {"[chaos]\nslow = [\"worker-0:2x\", 5]", {"chaos.slow = [", "not all of it is text"}},
    {"[chaos]\njitter = 0.5", {"chaos.jitter = 0.5", "lognormal:SIGMA"}},
    {"[chaos]\njitter = \"normal:1\"", {"chaos.jitter = \"normal:1\"", "lognormal:0.5"}},
    {"[chaos]\nlink = [\"shard-0:fast\"]", {"chaos.link = [", "shard-0:50ms,100Mbit"}},
    {"[chaos]\nseed = -1", {"chaos.seed = -1", "whole number from 0"}},
    {"[topology]\ndevices = []", {"job.toml:2: topology.devices = [", "a list of \"cpu\""}},
    {"[topology]\ndevices = \"cpu\"", {"topology.devices = \"cpu\"", "a list of"}},
    {"[topology]\ndevices = [\"cpu\", \"gpu\"]", {"topology.devices = [", "\"cuda:N\""}},
    {"[topology]\ndevices = [\"cuda:-1\"]", {"topology.devices = [", "\"cuda:N\""}},
    {"[topology]\ndevices = [0]", {"topology.devices = [", "\"cuda:N\""}},
    {"[topology]\nthreads = 0", {"topology.threads = 0", "from 1 to 256"}},
    {"[staleness]\nweight = \"inverted\"", {"staleness.weight = \"inverted\"", "\"inverse\""}},
    {"[staleness]\ncompensation = \"dc\"", {"staleness.compensation = \"dc\"", "dc:LAMBDA"}},
    {"[staleness]\nlocal_steps = 0", {"staleness.local_steps = 0, expected a whole number"}},
    {"[staleness]\ndynamic_steps = 1", {"staleness.dynamic_steps = 1", "true or false"}},
    {"[codec]\npush = \"int9\"", {"codec.push = \"int9\"", "int8"}},
    {"[codec]\npush = \"topk\"", {"codec.push = \"topk\"", "topk:SHARE"}},
    {"[codec]\npush = \"int8 | bf16\"", {"codec.push = \"int8 | bf16\""}},
    {"[codec]\npull = \"topk:0.1\"", {"codec.pull = \"topk:0.1\"", "every parameter"}},
    {"[codec]\ncompress = \"gzip\"", {"codec.compress = \"gzip\"", "\"none\" or \"zstd\""}},
    {"[topology]\ntransport = \"rdma\"",
     {"topology.transport = \"rdma\"", "\"auto\", \"shm\", \"tcp\" or \"inproc\""}},
    {"[precision]\ncompute = \"f64\"", {"precision.compute = \"f64\"", "\"bf16\" or \"f16\""}},
    // No TOML.
    {"[data\nbatch = 3", {"job.toml:1:", "no TOML"}},
    {"seed = ", {"job.toml:1:", "no TOML"}},
    {"seed = 1\nseed = 2", {"job.toml:2:", "no TOML", "seed"}},
    {"name = lenet", {"job.toml:1:", "no TOML"}},
    {"seed = 99999999999999999999", {"job.toml:1:", "no TOML"}},
    {"name = \"\xff\xfe\"", {"job.toml:", "no TOML"}},
    {std::string("\0\0\0\0", 4), {"job.toml:", "no TOML"}},
};

} // namespace

TEST_CASE("a broken config is refused with its place, the key and what was expected",
          "[runtime][job]") {
  STATIC_REQUIRE(std::size(broken) >= 50);
  const auto rows = catalog::standard();
  for (const auto& config : broken) {
    CAPTURE(config.toml);
    const auto made = parse_job(config.toml, "job.toml", {}, rows);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::bad_argument);
    CAPTURE(made.error().text);
    for (const auto& fragment : config.said)
      CHECK(made.error().text.find(fragment) != std::string::npos);
    CHECK(made.error().text.find('\n') == std::string::npos); // one problem, one line
  }
}

TEST_CASE("every problem of a config is told, in the order of its lines", "[runtime][job]") {
  const std::string text = "seed = -1\n[topology]\nshards = 0\n[data]\nbatch = 0\nepoch = 1\n";
  const std::vector<std::string> overrides{"topology.workers=0", "nonsense"};
  const auto made = parse_job(text, "job.toml", overrides, catalog::standard());
  REQUIRE_FALSE(made);
  CAPTURE(made.error().text);
  std::size_t at = 0;
  for (const std::string fragment :
       {"job.toml:1: seed", "job.toml:3: topology.shards", "job.toml:5: data.batch",
        "job.toml:6: unknown key data.epoch", "(topology.workers=0): topology.workers = 0",
        "(nonsense): expected KEY=VALUE"}) {
    CAPTURE(fragment);
    const auto found = made.error().text.find(fragment, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
}
