// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/test.h"

#include "report/html.h"

#define assert_html(call, expected)               \
    do {                                          \
        struct buf out = {0};                     \
                                                  \
        call;                                     \
        assert_string_equal(out.bytes, expected); \
        buf_clear(&out);                          \
    } while (0)

TEST(markup_in_text_stays_text)
{
    assert_html(html_text(&out, "</script><img src=\"x\" onerror='a'>&amp;"),
                "&lt;/script&gt;&lt;img src=&quot;x&quot; onerror=&#39;a&#39;&gt;&amp;amp;");
    assert_html(html_put(&out, "<b class=\"%s\">%s</b>", "\"><i>", "<i>"),
                "<b class=\"&quot;&gt;&lt;i&gt;\">&lt;i&gt;</b>");
}

TEST(what_is_not_fit_to_print_is_replaced)
{
    assert_html(html_text(&out, "a\tb\x01\x7F\xFF"), "a b???");
    assert_html(html_text(&out, "\xE2\x80\xA8"
                                "cba"), // a line break
                "???cba");
    assert_html(html_text(&out, "\xC3\xA9 \xE2\x82\xAC"), "\xC3\xA9 \xE2\x82\xAC");
}

TEST(numbers_and_percent_signs_are_put_as_printf_does)
{
    assert_html(html_put(&out, "<p>%u %d %zu %llu %%</p>", 1U, -2, (size_t)3, 4ULL), "<p>1 -2 3 4 %</p>");
    assert_html(html_number(&out, 7), "7");
    assert_html(html_number(&out, 262144), "262,144");
    assert_html(html_number(&out, 1048576000), "1,048,576,000");
}

TEST(long_words_break_behind_commas)
{
    assert_html(html_breakable(&out, "80,443, 8080,"), "80,<wbr>443, 8080,");
    assert_html(html_breakable(&out, "<,>"), "&lt;,<wbr>&gt;");
}

TEST(code_in_ticks_is_code)
{
    assert_html(html_ticks(&out, "replies to `a<b>` are"), "replies to <code>a&lt;b&gt;</code> are");
    assert_html(html_ticks(&out, "one ` alone"), "one ` alone");
    assert_html(html_ticks(&out, "`a` and ` b"), "<code>a</code> and ` b");
}

RUN_TESTS(CASE(markup_in_text_stays_text), CASE(what_is_not_fit_to_print_is_replaced),
          CASE(numbers_and_percent_signs_are_put_as_printf_does), CASE(long_words_break_behind_commas),
          CASE(code_in_ticks_is_code))
