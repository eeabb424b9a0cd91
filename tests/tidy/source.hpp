/// \file
/// A source file as the rules of tidiness look at it: its comments and its code told apart, and
/// what it declares. This is a reader for the style that .clang-format leaves behind, not a C++
/// parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::tidy {

/// One file; the three views have the lines and columns of `text`, with spaces for what is left
/// out.
struct source {
  std::string path; ///< from the tree's root, as in "runtime/shard.cpp"
  std::string text;
  std::string comments; ///< comments alone
  std::string spoken;   ///< code with its literals, without comments
  std::string code;     ///< code with empty literals, without comments
};

/// Tells comments, literals and code apart.
source read_source(std::string path, std::string text);

enum class declared : unsigned char { type, function, variable };

/// Something declared at namespace or class scope.
struct declaration {
  declared kind = declared::variable;
  bool in_class = false;
  std::string name;
  std::string text;          ///< of the declaration, without what is in parentheses and braces
  std::size_t line = 0;      ///< where it begins, from 1
  std::size_t last_line = 0; ///< where its body ends
};

/// What a file declares, in order.
std::vector<declaration> declarations(const source& file);

/// Splits at every line's end.
std::vector<std::string_view> lines(std::string_view text);

/// The file's folder at the top of the tree, as in "runtime"; "" for a file of the root itself.
std::string_view top_folder(std::string_view path);

/// The file's name without folders and without what follows the first dot.
std::string_view stem(std::string_view path);

} // namespace lagrange::tidy
