// What ../compiled_words.py calls: every word of a text becomes a number, in the order in which the
// words first come.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int EIGHT = sizeof(uint64_t);
constexpr uint64_t FACTOR = 0x9e3779b97f4a7c15;  // of splitmix64

uint64_t eight_bytes(const char* from) {
  uint64_t bytes;
  memcpy(&bytes, from, EIGHT);
  return bytes;
}

// The lowest byte of this that is not zero stands where the first space is.
uint64_t spaces(uint64_t bytes) {
  const uint64_t ones = 0x0101010101010101, others = bytes ^ ' ' * ones;
  return (others - ones) & ~others & ones << 7;
}

uint64_t mixed(uint64_t number) {
  number *= FACTOR;
  return number ^ number >> 32;
}

// How many bytes a space beyond ASCII has, 0 where there is another character.
int wide_space(const unsigned char* at) {
  if (at[0] == 0xc2) return at[1] == 0x85 || at[1] == 0xa0 ? 2 : 0;
  if (at[0] == 0xe1) return at[1] == 0x9a && at[2] == 0x80 ? 3 : 0;
  if (at[0] == 0xe3) return at[1] == 0x80 && at[2] == 0x80 ? 3 : 0;
  if (at[0] != 0xe2) return 0;
  if (at[1] == 0x81) return at[2] == 0x9f ? 3 : 0;
  const bool known = at[2] <= 0x8a || at[2] == 0xa8 || at[2] == 0xa9 || at[2] == 0xaf;
  return at[1] == 0x80 && known ? 3 : 0;
}

constexpr int32_t SIGMA = 0x3a3, DOTTED_I = 0x130, DOT_ABOVE = 0x307;
constexpr char FINAL_SIGMA_ENDS = '\x82';  // where the other small one, as long, has '\x83'

// The code point that begins there, beyond ASCII; *bytes: how many bytes it has.
int32_t code_point(const unsigned char* at, int* bytes) {
  const int32_t second = at[1] & 0x3f;
  if (at[0] < 0xe0) return *bytes = 2, (at[0] & 0x1f) << 6 | second;
  const int32_t third = at[2] & 0x3f;
  if (at[0] < 0xf0) return *bytes = 3, (at[0] & 0x0f) << 12 | second << 6 | third;
  return *bytes = 4, (at[0] & 0x07) << 18 | second << 12 | third << 6 | (at[3] & 0x3f);
}

// Writes a code point, and returns where the next one goes.
char* put(int32_t point, char* to) {
  if (point < 0x80) return *to++ = point, to;
  if (point < 0x800) {
    *to++ = 0xc0 | point >> 6;
  } else {
    if (point < 0x10000) {
      *to++ = 0xe0 | point >> 12;
    } else {
      *to++ = 0xf0 | point >> 18;
      *to++ = 0x80 | (point >> 12 & 0x3f);
    }
    *to++ = 0x80 | (point >> 6 & 0x3f);
  }
  *to++ = 0x80 | (point & 0x3f);
  return to;
}

// A word's place in the table. The key of one of less than eight bytes is the word itself.
struct Slot {
  uint64_t key = 0;
  int32_t number = -1;
  uint32_t length = 0;

  uint64_t place() const { return mixed(key + length); }
};

class Words {
 public:
  // table: what each byte becomes; a space ends a word. wide: so do the spaces beyond ASCII.
  Words(const char* table, bool wide) : slots_(1 << 12) {
    memcpy(table_, table, sizeof table_);
    if (wide)
      for (unsigned char first : {0xc2, 0xe1, 0xe2, 0xe3}) begins_wide_space_[first] = true;
  }

  // Writes the numbers of the words that end in the block, which cuts no code point in two.
  // folds: what each code point becomes (../letters.py), or null: as the table says, byte by byte.
  int64_t feed(const unsigned char* block, int64_t length, const int32_t* folds, int32_t* numbers) {
    const int64_t most = begun_ + (folds ? 2 : 1) * length + EIGHT;
    if (int64_t(buffer_.size()) < most) buffer_.resize(2 * most);
    if (open_sigma_ && length) {
      open_sigma_ = false;
      if (is_space(block, folds)) buffer_[begun_ - 1] = FINAL_SIGMA_ENDS;
    }
    if (!folds) clean(block, length, &buffer_[begun_]);
    const int64_t all = folds ? fold(block, length, folds) : begun_ + length;
    int64_t end = all;
    while (end > 0 && buffer_[end - 1] != ' ') end--;
    const int64_t found = number_words(&buffer_[0], &buffer_[end], numbers);
    begun_ = all - end;
    memmove(&buffer_[0], &buffer_[end], begun_);
    return found;
  }

  int64_t finish(int32_t* numbers) {
    const unsigned char space = ' ';
    return feed(&space, 1, nullptr, numbers);
  }

  const std::vector<int64_t>& ends() const { return ends_; }
  const char* text() const { return text_.data(); }

 private:
  void clean(const unsigned char* block, int64_t length, char* to) const {
    for (int64_t i = 0; i < length;) {
      const int wide = begins_wide_space_[block[i]] ? wide_space(block + i) : 0;
      if (wide) {
        memset(to + i, ' ', wide);
        i += wide;
      } else {
        to[i] = table_[block[i]];
        i++;
      }
    }
  }

  bool is_space(const unsigned char* at, const int32_t* folds) const {
    int bytes;
    if (at[0] < 0x80 || !folds) return table_[at[0]] == ' ';
    return folds[code_point(at, &bytes)] == ' ';
  }

  // Letters in lower case with their marks, and spaces; returns where they end.
  int64_t fold(const unsigned char* block, int64_t length, const int32_t* folds) {
    char *const begin = &buffer_[0], *to = begin + begun_;
    for (int64_t i = 0; i < length;) {
      if (block[i] < 0x80) {
        *to++ = table_[block[i++]];
        continue;
      }
      int bytes;
      const int32_t point = code_point(block + i, &bytes), folded = folds[point];
      const bool inside = to > begin && to[-1] != ' ';
      i += bytes;
      to = folded > 0 ? put(folded, to) : put(inside ? -folded : ' ', to);
      if (point == DOTTED_I) to = put(DOT_ABOVE, to);
      if (point == SIGMA && inside) {
        open_sigma_ = i == length;
        if (!open_sigma_ && is_space(block + i, folds)) to[-1] = FINAL_SIGMA_ENDS;
      }
    }
    return to - begin;
  }

  // A space stands before `end`, and eight bytes can be read from there.
  int64_t number_words(const char* from, const char* end, int32_t* numbers) {
    int32_t* const first = numbers;
    for (; from < end; from++) {
      if (*from == ' ') continue;
      const char* const begin = from;
      uint64_t before = 0, bytes = eight_bytes(from), space;
      while (!(space = spaces(bytes))) {
        before = mixed(before ^ bytes);
        bytes = eight_bytes(from += EIGHT);
      }
      const int bits = __builtin_ctzll(space) & ~7;
      from += bits / 8;
      const uint64_t key = before ^ (bytes & ((uint64_t(1) << bits) - 1));
      *numbers++ = number(begin, from - begin, key);
    }
    return numbers - first;
  }

  // The number of a word; a new one is known from then on.
  int32_t number(const char* word, int64_t length, uint64_t key) {
    const Slot wanted = {key, int32_t(ends_.size()), uint32_t(length)};
    for (uint64_t place = wanted.place();; place++) {
      Slot& slot = slots_[place & (slots_.size() - 1)];
      if (slot.number < 0) {
        slot = wanted;
        text_.append(word, length);
        ends_.push_back(text_.size());
        if (2 * ends_.size() > slots_.size()) grow();
        return wanted.number;
      }
      if (slot.key == key && slot.length == length &&
          (length < EIGHT || !memcmp(&text_[ends_[slot.number] - length], word, length)))
        return slot.number;
    }
  }

  void grow() {
    std::vector<Slot> slots(2 * slots_.size());
    for (const Slot& slot : slots_) {
      if (slot.number < 0) continue;
      uint64_t place = slot.place();
      while (slots[place & (slots.size() - 1)].number >= 0) place++;
      slots[place & (slots.size() - 1)] = slot;
    }
    slots_.swap(slots);
  }

  char table_[256];
  bool begins_wide_space_[256] = {};
  // Whether a capital sigma ends the text so far: what follows decides its lower case.
  bool open_sigma_ = false;
  // The word that has begun, and room for a block.
  std::string buffer_;
  int64_t begun_ = 0;
  // Every word, by number, and where each ends.
  std::string text_;
  std::vector<int64_t> ends_;
  std::vector<Slot> slots_;
};

}  // namespace

extern "C" {
Words* words_new(const char* table, int wide) { return new Words(table, wide); }
void words_free(Words* words) { delete words; }
int64_t words_feed(Words* words, const unsigned char* block, int64_t length, const int32_t* folds,
                   int32_t* numbers) {
  return words->feed(block, length, folds, numbers);
}
int64_t words_finish(Words* words, int32_t* numbers) { return words->finish(numbers); }
int64_t words_size(const Words* words) { return words->ends().size(); }
const int64_t* words_ends(const Words* words) { return words->ends().data(); }
const char* words_text(const Words* words) { return words->text(); }
}
