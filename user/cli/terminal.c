/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include <ncurses.h>

#define TEXT_SIZE 1024

static volatile sig_atomic_t ending;
static SCREEN *screen;

/* What a crash needs, and may use: ncurses itself must not be called then. */
static struct termios before;
static char restore[128];

static void on_end(int number)
{
	(void)number;
	ending = 1;
}

static void on_crash(int number)
{
	ssize_t written = write(STDOUT_FILENO, restore, strlen(restore));

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	raise(number);
}

static void catch (const int *numbers, size_t count, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	for (size_t i = 0; i < count; i++)
		sigaction(numbers[i], &action, NULL);
}

static void catch_all(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

	catch (ends, sizeof(ends) / sizeof(ends[0]), on_end, 0);
	catch (crashes, sizeof(crashes) / sizeof(crashes[0]), on_crash,
	       (int)(SA_RESETHAND | SA_NODEFER));
}

/* tigetstr() says by -1 that it is no such capability. */
static bool is_text(const char *text)
{
	return text && (intptr_t)text != -1;
}

static void remember_way_back(void)
{
	static const char *const capabilities[] = {"sgr0", "cnorm", "rmkx", "rmcup"};

	restore[0] = '\0';
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		const char *text = tigetstr((char *)capabilities[i]);

		if (is_text(text) && strlen(restore) + strlen(text) < sizeof(restore))
			strcat(restore, text); /* NOLINT: there is room */
	}
}

/* NO_COLOR: see no-color.org. */
static void start_colours(void)
{
	static const short colours[TONE_MAX] = {
		[TONE_BAD] = COLOR_RED,
		[TONE_WARN] = COLOR_YELLOW,
		[TONE_GOOD] = COLOR_GREEN,
		[TONE_SOFT] = COLOR_CYAN,
	};

	if (getenv("NO_COLOR") || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (int i = TONE_BAD; i < TONE_MAX; i++)
		init_pair((short)i, colours[i], -1);
}

int terminal_start(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return -ENOTTY;
	/* Of characters alone: a number's point stays a point. */
	setlocale(LC_CTYPE, "");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENOENT;
	remember_way_back();
	catch_all();
	start_colours();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	return 0;
}

void terminal_end(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

bool terminal_is_ending(void)
{
	return ending;
}

/* ---- writing ---- */

/* How many characters of the text fit into `width` columns, what is not printable replaced. */
static int fit(wchar_t *text, int width, int *ret_columns)
{
	int length = 0, columns = 0;

	for (; text[length]; length++) {
		int needs;

		if (!iswprint((wint_t)text[length]))
			text[length] = L'?';
		needs = wcwidth(text[length]);
		if (columns + needs > width)
			break;
		columns += needs;
	}
	*ret_columns = columns;
	return length;
}

static void widen(const char *text, wchar_t ret_text[TEXT_SIZE])
{
	size_t at = 0;
	mbstate_t state = {0};

	while (*text && at < TEXT_SIZE - 1) {
		size_t length = mbrtowc(&ret_text[at], text, MB_CUR_MAX, &state);

		if (length == (size_t)-1 || length == (size_t)-2) {
			ret_text[at] = L'?';
			length = 1;
			memset(&state, 0, sizeof(state));
		}
		text += length;
		at++;
	}
	ret_text[at] = L'\0';
}

static attr_t attributes_of(enum terminal_tone tone)
{
	attr_t attributes = tone == TONE_BAD || tone == TONE_WARN ? A_BOLD : A_NORMAL;

	return attributes | (attr_t)COLOR_PAIR(tone);
}

void terminal_put(int row, int column, int width, enum terminal_tone tone, const char *text)
{
	wchar_t wide[TEXT_SIZE];
	int length, columns;

	if (row < 0 || row >= LINES || column < 0 || column >= COLS)
		return;
	if (!width || width > COLS - column)
		width = COLS - column;
	widen(text, wide);
	length = fit(wide, width, &columns);
	attrset((int)attributes_of(tone));
	mvaddnwstr(row, column, wide, length);
	for (; columns < width; columns++)
		mvaddch(row, column + columns, ' ');
	attrset(A_NORMAL);
}

void terminal_printf(int row, int column, int width, enum terminal_tone tone, const char *format,
		     ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	terminal_put(row, column, width, tone, text);
}

/* How many bytes of the text go into a row: up to the last blank in it. */
static size_t line_length(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width)
		return length;
	for (length = width; length && text[length] != ' ';)
		length--;
	return length ? length : width;
}

int terminal_wrap(int row, int column, int rows, enum terminal_tone tone, const char *text)
{
	size_t width = COLS > column ? (size_t)(COLS - column) : 1;
	int used = 0;

	while (*text && used < rows) {
		size_t length = line_length(text, width);

		terminal_printf(row + used++, column, 0, tone, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	return used;
}

void terminal_invert(int row)
{
	mvchgat(row, 0, -1, A_REVERSE, 0, NULL);
}
