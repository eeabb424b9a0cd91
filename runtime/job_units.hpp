/// \file
/// Times, sizes and epochs as a user writes them in a config.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// "60s" and "24h": the largest unit that divides the time, but never "1m" or "1h".
std::string written(std::chrono::milliseconds time);
/// The reverse; nothing for what is no time, or is longer than `high`.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                        std::chrono::milliseconds high);

/// The same with microseconds: "250us", "10ms", "60s".
std::string written(std::chrono::microseconds time);
/// Units: us, ms and s, or as parse_duration.
std::optional<std::chrono::microseconds> parse_fine_duration(std::string_view text,
                                                             std::chrono::microseconds high);

/// "100Mbit" a second: the largest unit that divides the rate; "none" is 0.
std::string written_bit_rate(std::uint64_t bits);
/// The reverse: kbit, Mbit and Gbit. Nothing for what is no rate, or a rate of none.
std::optional<std::uint64_t> parse_bit_rate(std::string_view text);

constexpr std::uint64_t epochs_every_max = 1'000'000;
/// "1 epoch", "3 epochs", "0.05 epochs". Units: thousandths of an epoch.
std::string written_epochs(std::uint64_t thousandths);
/// The reverse; nothing for what is not from a thousandth of an epoch to the largest number of
/// them, or has more than three digits behind the point.
std::optional<std::uint64_t> parse_epochs(std::string_view text);

/// "256MB" and "4GiB": the largest unit that divides the size; "none" is 0.
std::string written_bytes(std::uint64_t bytes);
/// The reverse: units of a thousand (KB, MB, GB) and of 1024 (KiB, MiB, GiB). Nothing for what is
/// no size, or a size of none.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

} // namespace lagrange::runtime
