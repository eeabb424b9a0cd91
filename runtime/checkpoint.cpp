#include "runtime/checkpoint.hpp"

#include "runtime/digest.hpp"
#include "runtime/files.hpp"
#include "runtime/wire_frame.hpp"
#include "schema/checkpoint.capnp.h"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

namespace lagrange::runtime {

namespace {

static_assert(checkpoint_version == schema::CHECKPOINT_VERSION,
              "checkpoint.hpp and checkpoint.capnp differ");

constexpr std::string_view magic("LGRCKPT\0", 8);
constexpr std::size_t version_at = 8, zero_at = 12, length_at = 16, digest_at = 24, tail_at = 56;
constexpr std::size_t header_bytes = 64;
// Pieces of the values: well under Cap'n Proto's limit, and few in any file.
constexpr std::size_t piece_bytes_max = std::size_t{64} << 20;
// What a reader is willing to hold in memory: far above a model that a machine could train.
constexpr std::size_t file_bytes_max = std::size_t{1} << 40;
constexpr std::uint64_t elements_max = std::uint64_t{1} << 38;

using pieces = std::vector<std::span<const std::byte>>;

sha256_digest sha256(std::span<const char> bytes) { return runtime::sha256(std::as_bytes(bytes)); }

std::span<const std::byte> bytes_of(const ops::tensor& x) { return {x.bytes(), x.size_bytes()}; }

std::uint64_t elements_of(const checkpoint& x) {
  std::uint64_t sum = 0;
  for (const auto& one : x.parameters) sum += static_cast<std::uint64_t>(one.extents.elements());
  return sum;
}

// Deliberately not bad_field: a person reads this about a file of theirs.
auto damaged(const std::string& place, const std::string& found) {
  return failure(errc::bad_file,
                 fmt::format("checkpoint {} is damaged: {}; take an older one or copy "
                             "it again",
                             place, found));
}

/// What Data may hold, a piece at a time.
pieces cut(std::span<const ops::tensor> values) {
  pieces made;
  for (const auto& each : values)
    for (auto rest = bytes_of(each); !rest.empty();) {
      made.push_back(rest.first(std::min(rest.size(), piece_bytes_max)));
      rest = rest.subspan(made.back().size());
    }
  return made;
}

void put(message_writer& out, schema::Checkpoint::Builder to, const checkpoint& x,
         std::span<const ops::tensor> values) {
  to.setJob(x.job);
  to.setModel(x.model);
  to.setBuild(x.build);
  to.setSeed(x.seed);
  to.setConfig(x.config);
  auto shards = to.initShards(static_cast<unsigned>(x.shards.size()));
  for (unsigned i = 0; i < shards.size(); ++i) {
    shards[i].setShard(x.shards[i].shard.value);
    shards[i].setVersion(x.shards[i].version.value);
    shards[i].setSamples(x.shards[i].samples);
  }
  auto parameters = to.initParameters(static_cast<unsigned>(x.parameters.size()));
  for (unsigned i = 0; i < parameters.size(); ++i) {
    parameters[i].setName(x.parameters[i].name);
    const auto extents = x.parameters[i].extents.extents();
    auto list = parameters[i].initExtents(static_cast<unsigned>(extents.size()));
    for (unsigned axis = 0; axis < extents.size(); ++axis) list.set(axis, extents[axis]);
  }
  if (elements_of(x) == 0) return;
  const auto parts = cut(values);
  auto list = to.initValues(static_cast<unsigned>(parts.size()));
  for (unsigned i = 0; i < parts.size(); ++i) list.adopt(i, out.refer(parts[i]));
}

/// The header before a message of these pieces.
std::vector<char> header_of(const pieces& body) {
  using namespace boost::endian;
  std::vector<char> made(header_bytes);
  const auto at = [&](std::size_t offset) {
    return reinterpret_cast<unsigned char*>(made.data()) + offset;
  };
  auto length = header_bytes;
  for (const auto& piece : body) length += piece.size();
  std::ranges::copy(magic, made.begin());
  store_little_u32(at(version_at), checkpoint_version);
  store_little_u64(at(length_at), length);
  const auto digest = runtime::sha256(body);
  std::memcpy(at(digest_at), digest.data(), digest.size());
  return made;
}

void expect_fit(const checkpoint& x, std::span<const ops::tensor> values) {
  std::uint64_t found = 0;
  for (const auto& each : values) {
    LAGRANGE_EXPECT(!each.empty() && each.type() == ops::dtype::f32,
                    "a checkpoint of values that are missing, or no f32");
    found += static_cast<std::uint64_t>(each.elements());
  }
  LAGRANGE_EXPECT(found == elements_of(x),
                  fmt::format("a checkpoint of {} elements with {} values", elements_of(x), found));
}

result<std::span<const char>> open_content(std::span<const char> content,
                                           const std::string& place) {
  using namespace boost::endian;
  const auto at = [&](std::size_t offset) {
    return reinterpret_cast<const unsigned char*>(content.data()) + offset;
  };
  if (content.size() < magic.size() || std::string_view(content.data(), magic.size()) != magic)
    return failure(errc::bad_file,
                   fmt::format("{} is no checkpoint: it does not start with \"LGRCKPT\"; name a "
                               "checkpoint of lagrange",
                               place));
  if (content.size() < header_bytes)
    return damaged(place, fmt::format("it ends after {} bytes, inside its header", content.size()));
  if (const auto version = load_little_u32(at(version_at)); version != checkpoint_version)
    return failure(
        errc::bad_file,
        fmt::format("checkpoint {} has format version {}, this program reads version {}; "
                    "use the program that wrote it",
                    place, version, checkpoint_version));
  if (const auto length = load_little_u64(at(length_at)); length != content.size())
    return damaged(place,
                   fmt::format("its header says {} bytes, but it has {}", length, content.size()));
  const auto is_zero = [](char x) { return x == 0; };
  if (!std::ranges::all_of(content.subspan(zero_at, length_at - zero_at), is_zero) ||
      !std::ranges::all_of(content.subspan(tail_at, header_bytes - tail_at), is_zero))
    return damaged(place, "its header has other than zeros where zeros are due");
  const auto body = content.subspan(header_bytes);
  if (const auto digest = sha256(body);
      std::memcmp(at(digest_at), digest.data(), digest.size()) != 0)
    return damaged(place, "its SHA-256 does not match its content");
  if (body.size() % sizeof(capnp::word) != 0)
    return damaged(place, fmt::format("it has {} bytes, expected a multiple of 8", content.size()));
  return body;
}

result<ops::shape> read_extents(capnp::List<std::int64_t>::Reader in, std::string_view of,
                                const std::string& place) {
  if (in.size() > ops::shape::rank_max)
    return damaged(place, fmt::format("parameter {} has rank {}", of, in.size()));
  std::array<std::int64_t, ops::shape::rank_max> extents{};
  auto left = static_cast<std::int64_t>(elements_max);
  for (unsigned axis = 0; axis < in.size(); ++axis) {
    extents[axis] = in[axis];
    if (extents[axis] < 0 || extents[axis] > left)
      return damaged(place,
                     fmt::format("parameter {} has extent {} at axis {}", of, extents[axis], axis));
    if (extents[axis] > 0) left /= extents[axis];
  }
  return ops::shape(std::span<const std::int64_t>(extents.data(), in.size()));
}

result<ops::tensor> read_values(capnp::List<capnp::Data>::Reader in, std::uint64_t elements,
                                const std::string& place) {
  // Each piece is fetched once, because Cap'n Proto counts what is read.
  std::vector<capnp::Data::Reader> pieces;
  std::uint64_t found = 0;
  for (auto piece : in) {
    pieces.push_back(piece);
    found += piece.size();
  }
  if (found != elements * sizeof(float))
    return damaged(place, fmt::format("its parameters need {} bytes of values, but it has {}",
                                      elements * sizeof(float), found));
  ops::tensor values(ops::dtype::f32, {static_cast<std::int64_t>(elements)});
  auto to = values.bytes();
  for (const auto& piece : pieces) {
    if (piece.size() > 0) std::memcpy(to, piece.begin(), piece.size());
    to += piece.size();
  }
  return values;
}

std::string text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

result<checkpoint> read(schema::Checkpoint::Reader in, const std::string& place) {
  checkpoint out;
  out.job = text(in.getJob());
  out.model = text(in.getModel());
  out.build = text(in.getBuild());
  out.seed = in.getSeed();
  out.config = text(in.getConfig());
  for (auto one : in.getShards())
    out.shards.push_back({{one.getShard()}, {one.getVersion()}, one.getSamples()});
  std::uint64_t elements = 0;
  for (auto one : in.getParameters()) {
    const std::string name = text(one.getName());
    BOOST_OUTCOME_TRY(extents, read_extents(one.getExtents(), name, place));
    elements += static_cast<std::uint64_t>(extents.elements());
    if (elements > elements_max)
      return damaged(place, fmt::format("it has more than {} elements up to parameter {}",
                                        elements_max, name));
    out.parameters.push_back({name, extents});
  }
  BOOST_OUTCOME_TRY(values, read_values(in.getValues(), elements, place));
  out.values = values;
  return out;
}

} // namespace

std::vector<char> encode(const checkpoint& x) {
  expect_fit(x, std::span(&x.values, 1));
  message_writer out;
  put(out, out.root<schema::Checkpoint>(), x, std::span(&x.values, 1));
  auto content = out.flatten(header_bytes);
  std::ranges::copy(header_of(out.pieces()), content.begin());
  return content;
}

result<checkpoint> decode_checkpoint(std::span<const char> content, const std::string& place) {
  BOOST_OUTCOME_TRY(body, open_content(content, place));
  try {
    const aligned_words words(body);
    capnp::FlatArrayMessageReader message(words.get(), limits_of(words.get()));
    if (message.getEnd() != words.get().end())
      return damaged(place, "something follows its content");
    return read(message.getRoot<schema::Checkpoint>(), place);
  } catch (const kj::Exception& problem) {
    return damaged(place, problem.getDescription().cStr());
  } catch (const ops::device_error& problem) {
    return failure(errc::bad_file, fmt::format("checkpoint {}: {}", place, problem.what()));
  } catch (const std::bad_alloc&) {
    return failure(errc::bad_file,
                   fmt::format("checkpoint {} does not fit into this machine's memory", place));
  }
}

result<void> write_checkpoint(const std::filesystem::path& path, const checkpoint& x) {
  return write_checkpoint(path, x, std::span(&x.values, 1));
}

result<void> write_checkpoint(const std::filesystem::path& path, const checkpoint& x,
                              std::span<const ops::tensor> values) {
  expect_fit(x, values);
  message_writer out;
  put(out, out.root<schema::Checkpoint>(), x, values);
  auto all = out.pieces();
  const auto header = header_of(all);
  all.insert(all.begin(), std::as_bytes(std::span(header)));
  return write_atomically(path, all);
}

result<checkpoint> read_checkpoint(const std::filesystem::path& path) {
  BOOST_OUTCOME_TRY(content, read_file(path, file_bytes_max));
  return decode_checkpoint(content, path.string());
}

std::string sha256_hex(std::span<const ops::tensor> all) {
  pieces content;
  for (const auto& each : all) content.push_back(bytes_of(each));
  return to_hex(sha256(content));
}

} // namespace lagrange::runtime
