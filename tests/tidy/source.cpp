#include "tests/tidy/source.hpp"

#include <algorithm>
#include <cctype>
#include <regex>

namespace lagrange::tidy {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Walks through a text and keeps each character in the views that it belongs to.
class separator {
public:
  explicit separator(source& file) : file_(file), text_(file.text) {
    const std::string blank = blanked();
    file_.comments = file_.spoken = file_.code = blank;
    while (at_ < text_.size()) step();
  }

private:
  // The text's line ends, and spaces.
  std::string blanked() const {
    std::string blank(text_.size(), ' ');
    for (std::size_t i = 0; i < text_.size(); ++i)
      if (text_[i] == '\n') blank[i] = '\n';
    return blank;
  }

  bool follows(std::string_view word) const { return text_.substr(at_, word.size()) == word; }

  void step() {
    const char c = text_[at_];
    if (follows("//")) return comment(text_.find('\n', at_), 0);
    if (follows("/*")) return comment(text_.find("*/", at_ + 2), 2);
    if (c == '"' && at_ > 0 && text_[at_ - 1] == 'R') return raw_literal();
    const bool separates_digits = at_ > 0 && is_word(text_[at_ - 1]);
    if (c == '"' || (c == '\'' && !separates_digits)) return literal(c);
    file_.spoken[at_] = file_.code[at_] = c;
    ++at_;
  }

  void comment(std::size_t end, std::size_t tail) {
    end = end == std::string_view::npos ? text_.size() : end + tail;
    for (; at_ < end; ++at_) file_.comments[at_] = text_[at_];
  }

  void literal(char quote) {
    auto end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n')
      end += text_[end] == '\\' ? 2 : 1;
    keep_literal(end + 1, 1);
  }

  void raw_literal() {
    const auto open = text_.find('(', at_);
    const auto mark = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const auto end = text_.find(mark, at_);
    keep_literal(end == std::string_view::npos ? text_.size() : end + mark.size(), 1);
  }

  // Literals are spoken in full; code keeps their quotes.
  void keep_literal(std::size_t end, std::size_t quote) {
    end = std::min(end, text_.size());
    file_.code[at_] = text_[at_];
    file_.code[end - quote] = text_[end - quote];
    for (; at_ < end; ++at_) file_.spoken[at_] = text_[at_];
  }

  source& file_;
  std::string_view text_;
  std::size_t at_ = 0;
};

// The declaration scanner: follows braces, and reads what stands before each one or a semicolon.
class scanner {
public:
  explicit scanner(std::string code) : code_(std::move(code)) { blank_directives(); }

  std::vector<declaration> scan() {
    for (at_ = 0; at_ < code_.size(); ++at_) step(code_[at_]);
    return std::move(found_);
  }

private:
  enum class scope : unsigned char { names, members };

  void blank_directives() {
    bool in_directive = false;
    for (std::size_t begin = 0; begin < code_.size();) {
      const auto end = std::min(code_.find('\n', begin), code_.size());
      const auto first = code_.find_first_not_of(" \t", begin);
      in_directive = in_directive || (first < end && code_[first] == '#');
      if (in_directive) {
        in_directive = end > begin && code_[end - 1] == '\\';
        std::fill(code_.begin() + static_cast<std::ptrdiff_t>(begin),
                  code_.begin() + static_cast<std::ptrdiff_t>(end), ' ');
      }
      begin = end + 1;
    }
  }

  void step(char c) {
    if (c == '\n') ++line_;
    if (c == '(' && ++parentheses_ == 1) return add(c);
    if (c == ')' && --parentheses_ == 0) return add(c);
    if (parentheses_ > 0) return;
    if (c == '{') return open();
    if (c == '}') return close();
    if (c == ';') return finish(line_);
    add(c);
  }

  void add(char c) {
    const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (text_.empty() && !is_space) first_line_ = line_;
    if (is_space && (text_.empty() || text_.back() == ' ')) return;
    text_ += is_space ? ' ' : c;
    static const std::regex label("(public|private|protected) ?:$");
    if (c == ':' && std::regex_search(text_, label)) text_.clear();
  }

  void open() {
    static const std::regex names(R"(^(inline )?(namespace\b|extern ""))");
    static const std::regex members(R"(\b(struct|class|union) [^()=]*$)");
    static const std::regex list(R"(\b(enum|concept)\b)");
    if (std::regex_search(text_, names)) {
      scopes_.push_back(scope::names);
      return text_.clear();
    }
    if (std::regex_search(text_, members) && !std::regex_search(text_, list)) {
      keep(declared::type, line_);
      scopes_.push_back(scope::members);
      return text_.clear();
    }
    const bool is_body = opens_body();
    skip_braces();
    if (!is_body) {
      text_ += "{}";
      return;
    }
    keep(declared::function, line_);
    text_.clear();
  }

  // Whether the brace opens a function's body, rather than a value or an enumeration.
  bool opens_body() const {
    static const std::regex value(R"(operator|([^=!<>]=([^=]|$)))");
    std::smatch found;
    if (text_.find("()") == std::string::npos) return false;
    if (std::regex_search(text_, found, value) && found.str() != "operator") return false;
    static const std::regex initialised(R"(\) ?(noexcept ?)?:[^:])");
    const auto last = text_.find_last_not_of(' ');
    return !std::regex_search(text_, initialised) || !is_word(text_[last]);
  }

  void skip_braces() {
    int depth = 0;
    for (; at_ < code_.size(); ++at_) {
      if (code_[at_] == '\n') ++line_;
      if (code_[at_] == '{') ++depth;
      if (code_[at_] == '}' && --depth == 0) return;
    }
  }

  void close() {
    if (!scopes_.empty()) scopes_.pop_back();
    text_.clear();
  }

  void finish(std::size_t last_line) {
    static const std::regex type(
        R"(^(template ?<.*> ?)?(struct|class|union|enum|using|concept|namespace)\b)");
    const auto equals = text_.find('=');
    if (std::regex_search(text_, type))
      keep(declared::type, last_line);
    else if (text_.find("operator") != std::string::npos || text_.find("()") < equals)
      keep(declared::function, last_line);
    else if (!text_.empty())
      keep(declared::variable, last_line);
    text_.clear();
  }

  void keep(declared kind, std::size_t last_line) {
    const bool in_class = !scopes_.empty() && scopes_.back() == scope::members;
    found_.push_back({kind, in_class, name_of(kind), text_, first_line_, last_line});
  }

  std::string name_of(declared kind) const {
    static const std::regex type(R"(\b(?:enum class|enum|struct|class|union|using|concept) (\w+))");
    static const std::regex function(R"((~?\w+) ?\()");
    static const std::regex variable(R"((\w+) ?(?:\[.*\])? ?(?:[={]|$))");
    const auto& wanted = kind == declared::type       ? type
                         : kind == declared::function ? function
                                                      : variable;
    static const std::regex parameters(R"(template ?<[^>]*> ?)");
    const auto text = std::regex_replace(text_, parameters, "");
    std::smatch found;
    return std::regex_search(text, found, wanted) ? found[1].str() : "";
  }

  std::string code_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t first_line_ = 1;
  int parentheses_ = 0;
  std::string text_;
  std::vector<scope> scopes_;
  std::vector<declaration> found_;
};

} // namespace

source read_source(std::string path, std::string text) {
  source file{std::move(path), std::move(text), {}, {}, {}};
  separator{file};
  return file;
}

std::vector<declaration> declarations(const source& file) { return scanner(file.code).scan(); }

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

std::string_view top_folder(std::string_view path) {
  const auto end = path.find('/');
  return end == std::string_view::npos ? "" : path.substr(0, end);
}

std::string_view stem(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1); // npos + 1 is 0
  return path.substr(0, path.find('.'));
}

} // namespace lagrange::tidy
