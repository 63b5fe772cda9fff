// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>
#include <term.h>

#include "names.h"
#include "screen.h"
#include "session.h"

#define COLUMNS_MIN	64		/* the numbers' columns, and some of the name */
#define LINES_MIN	8
#define HEAD		5		/* lines above the rows; one is below them */
#define INTERVAL_MIN	100000000ULL
#define INTERVAL_MAX	3600000000000ULL
#define KEY_ESCAPE	27
#define PART		24		/* of the line that says where one is */

struct screen {
	struct top_view *view;
	__u64 *interval_ns;
	struct format *format;
	struct names *names;
	SCREEN *terminal;
	bool utf8;
	bool paused, help, asking;
	char asked[TOP_FILTER];		/* the filter as it is typed */
	size_t selected, first;		/* rows */
	bool follow;			/* the selected row is one that was chosen: it is followed where it goes */
	struct top_id followed;
};

/* What a signal handler needs to leave the terminal as it was. */
static struct termios found;
static char leave[256];
static size_t leave_len;

static const int crashes[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGQUIT };

static void on_crash(int number)
{
	signal(SIGTTOU, SIG_IGN);	/* also if the shell has the terminal by now */
	if (write(STDOUT_FILENO, leave, leave_len) < 0)
		_exit(128 + number);
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
	raise(number);			/* by now with its own meaning, once this handler is over */
}

static void catch_crashes(bool on)
{
	struct sigaction action = { .sa_handler = on ? on_crash : SIG_DFL, .sa_flags = SA_RESETHAND };
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &action, NULL);
}

static int add_to_leave(int c)
{
	if (leave_len < sizeof(leave))
		leave[leave_len++] = c;
	return c;
}

static const char *capability(const char *name)
{
	const char *text = tigetstr(name);

	return text == (char *)-1 || (text && !*text) ? NULL : text;
}

/* Needs setupterm(). */
static void prepare_to_leave(void)
{
	static const char *const names[] = { "sgr0", "rmkx", "cnorm", "rmcup" };
	size_t i;

	leave_len = 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (capability(names[i]))
			tputs(capability(names[i]), 1, add_to_leave);
	}
	add_to_leave('\r');
	if (!capability("rmcup"))
		add_to_leave('\n');
}

int screen_check(struct err *err)
{
	const char *name = getenv("TERM");
	struct winsize size = {};
	int found_it;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, STATUS_USAGE, "standard %s is not a terminal; use -b, or -o",
			       isatty(STDIN_FILENO) ? "output" : "input");
	if (!name || !*name)
		return err_set(err, STATUS_USAGE, "TERM is not set: set it to the kind of this terminal, or use -b");
	if (setupterm(NULL, STDOUT_FILENO, &found_it) || !cur_term)
		return err_set(err, STATUS_USAGE, "no description of the terminal '%s' in /etc/terminfo, /lib/terminfo or /usr/share/terminfo: "
			       "set TERM or TERMINFO, or use -b", name);
	if (!capability("cup") || !capability("clear"))
		return err_set(err, STATUS_USAGE, "the terminal '%s' cannot place the cursor; use -b", name);
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col &&
	    (size.ws_row < LINES_MIN || size.ws_col < COLUMNS_MIN))
		return err_set(err, STATUS_USAGE, "the terminal is too small (%dx%d, needed are %dx%d); use -b", size.ws_col, size.ws_row,
			       COLUMNS_MIN, LINES_MIN);
	return 0;
}

struct screen *screen_open(struct top_view *view, __u64 *interval_ns, struct format *format, struct names *names, struct err *err)
{
	struct screen *screen = calloc(1, sizeof(*screen));

	if (!screen) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	screen->view = view;
	screen->interval_ns = interval_ns;
	screen->format = format;
	screen->names = names;
	/* Only how text is written: numbers stay as they are everywhere. */
	setlocale(LC_CTYPE, "");
	screen->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (tcgetattr(STDIN_FILENO, &found)) {
		err_set(err, STATUS_USAGE, "cannot ask the terminal for its settings: %s", strerror(errno));
		free(screen);
		return NULL;
	}
	prepare_to_leave();
	catch_crashes(true);
	screen->terminal = newterm(NULL, stdout, stdin);
	if (!screen->terminal) {
		catch_crashes(false);
		err_set(err, STATUS_USAGE, "the terminal '%s' cannot be used; use -b", getenv("TERM"));
		free(screen);
		return NULL;
	}
	set_escdelay(50);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return screen;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	endwin();
	signal(SIGTSTP, SIG_DFL);
	signal(SIGWINCH, SIG_DFL);
	delscreen(screen->terminal);
	catch_crashes(false);
	free(screen);
}

bool screen_paused(const struct screen *screen)
{
	return screen->paused;
}

/* As much of @text as there is room for; what the terminal cannot show becomes a question mark. */
static void put_line(const struct screen *screen, int y, int x, const char *text, attr_t attributes)
{
	mbstate_t state = {};
	char line[1024], *p = line;

	if (y < 0 || y >= LINES)
		return;
	attrset(attributes);
	move(y, x);
	while (*text && p < line + sizeof(line) - 8) {
		wchar_t c;
		size_t len = 1;
		int width = 1;

		if (screen->utf8) {
			len = mbrtowc(&c, text, strlen(text), &state);
			if (len == (size_t)-1 || len == (size_t)-2) {
				memset(&state, 0, sizeof(state));
				len = 1;
				width = -1;
			} else {
				width = wcwidth(c);
			}
		} else if (*text & 0x80) {
			width = -1;
		}
		if (x + (width < 0 ? 1 : width) > COLS)
			break;
		if (width < 0)
			*p++ = '?';
		else
			p = mempcpy(p, text, len);
		x += width < 0 ? 1 : width;
		text += len;
	}
	*p = 0;
	addstr(line);
	/* A line of a colour has it to its end. */
	for (; attributes & A_REVERSE && x < COLS; x++)
		addch(' ');
	attrset(A_NORMAL);
}

static const struct {
	const char *keys;
	const char *doc;
} helps[] = {
	{ "arrows, PgUp, PgDn", "choose a row" },
	{ "Home, End", "the first row, the last" },
	{ "Enter", "into the row: of a device its files, of a file its processes" },
	{ "Backspace, Esc", "back out of it" },
	{ "f p d c", "files, processes, devices, cgroups" },
	{ "s > <", "sort by the next column, by the one before" },
	{ "r", "in the other direction" },
	{ "l", "P50, P99 and MAX of lookups, ioends, direct I/O, faults" },
	{ "/", "only names with this text in them; empty: all" },
	{ "space", "stop, and go on" },
	{ "+ -", "longer and shorter intervals" },
	{ "h ?", "this help" },
	{ "q", "quit" },
};

static void draw_help(const struct screen *screen)
{
	size_t i;
	char line[128];

	erase();
	put_line(screen, 0, 0, "iomapscope top: keys", A_BOLD);
	for (i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
		snprintf(line, sizeof(line), "  %-20s %s", helps[i].keys, helps[i].doc);
		put_line(screen, 2 + i, 0, line, A_NORMAL);
	}
	put_line(screen, LINES - 1, 0, "Counts and bytes are per second. 'iomapscope help top' tells more. Any key: back", A_REVERSE);
	refresh();
}

/* The end of a path that is longer than @most bytes, which says more than its begin; in place. Anything else as it is. */
static const char *end_of(char *name, size_t most)
{
	size_t length = strlen(name);
	char *start = name + length - most + 3;

	if (name[0] != '/' || length <= most || most < 4)
		return name;
	while ((*start & 0xc0) == 0x80)
		start++;
	return memcpy(start - 3, "...", 3);
}

/* A table's line with the row's numbers and name. */
static void draw_row(struct screen *screen, int y, const struct top_row *row, const char *name, const struct screen_facts *facts,
		     attr_t attributes)
{
	struct top_record record;
	char line[LINE_ROOM], end[TOP_NAME];
	size_t length;

	top_record(&record, screen->view, row, facts->observed, name);
	format_event(screen->format, line, &record)[-1] = 0;
	length = strlen(line);
	if (length > (size_t)COLS && length - COLS < strlen(name)) {
		stpcpy(end, name);
		top_record(&record, screen->view, row, facts->observed, end_of(end, strlen(name) - (length - COLS)));
		format_event(screen->format, line, &record)[-1] = 0;
	}
	put_line(screen, y, 0, line, attributes);
}

static void draw_columns(struct screen *screen, int y)
{
	char line[LINE_ROOM], *word = line, *end;
	int column = 0;

	format_header(screen->format, line)[-1] = 0;
	put_line(screen, y, 0, line, A_REVERSE);
	/* The one that is sorted by stands out. */
	for (word += strspn(word, " "); *word; word = end + strspn(end, " "), column++) {
		end = word + strcspn(word, " ");
		if (column == (int)screen->view->sort) {
			char kept = *end;

			*end = 0;
			put_line(screen, y, word - line, word, A_BOLD | A_UNDERLINE);
			*end = kept;
		}
	}
}

/*
 * Where one is: "8:1 sda1 /srv > /srv/db/table > ". Each part is at most PART wide if the paths in them (a file's, the mount point of
 * a device) can be made so short: where one went last is on the screen however long the paths are.
 */
static char *put_path(const struct screen *screen, char *p)
{
	const struct top_view *view = screen->view;
	int i;

	for (i = 0; i < view->depth; i++) {
		struct top_row row = { .id = view->path[i].id };
		char name[TOP_NAME], *path;

		if (view->path[i].by == TOP_PROCESSES)
			*put_dec(put_str(name, "process "), row.id.a) = 0;
		else
			*names_put(screen->names, name, view->path[i].by, &row) = 0;
		path = strchrnul(name, '/');
		p = put_text(p, name, path - name);
		p = put_text(p, end_of(path, path - name < PART - 8 ? PART - (path - name) : 8), 60);
		p = put_str(p, " > ");
	}
	return p;
}

static void draw_head(const struct screen *screen, const struct top_rows *rows, const struct screen_facts *facts)
{
	const struct top_view *view = screen->view;
	char line[2048], *p = line, time[64];

	*format_time(screen->format, time, facts->time_ns) = 0;
	p = put_str(p, "iomapscope top  ");
	if (facts->time_ns) {
		p = mempcpy(p, time, 8);		/* without the microseconds */
		p = put_duration(put_str(p, "  last "), screen->format->span_ns);
	}
	p = put_duration(put_str(p, "  every "), *screen->interval_ns);
	p = put_dec(put_str(p, "  keys "), facts->keys);
	p = put_dec(put_str(p, "/"), facts->room);
	p = put_dec(put_str(p, "  lost "), facts->lost);
	if (screen->paused)
		p = put_str(p, "  PAUSED");
	*p = 0;
	put_line(screen, 0, 0, line, A_BOLD);
	put_line(screen, 1, 0, facts->sources, A_NORMAL);

	p = line;
	if (screen->asking) {
		p = put_text(put_str(p, "names with: "), screen->asked, TOP_FILTER);
		*p++ = '_';
	} else {
		p = put_path(screen, p);
		p = put_str(p, word_of(KIND_TOP_BY, view->by));
		p = put_str(put_str(p, ", sorted by "), top_sort_name(view->sort));
		p = put_str(p, view->reverse ? " reversed" : "");
		p = put_str(put_str(p, ", latency of "), word_of(KIND_TOP_OF, view->latency));
		if (view->filter[0]) {
			p = put_text(put_str(p, ", names with: "), view->filter, TOP_FILTER);
			p = put_dec(put_str(p, " (hidden "), rows->hidden);
			*p++ = ')';
		}
	}
	*p = 0;
	put_line(screen, 2, 0, line, A_NORMAL);
}

static size_t page(void)
{
	return LINES > HEAD + 2 ? LINES - HEAD - 1 : 1;
}

/* The selected row stays the chosen one, or where it is, and is on the screen. */
static void place(struct screen *screen, const struct top_rows *rows)
{
	size_t i;

	for (i = 0; screen->follow && i < rows->count; i++) {
		if (rows->row[i].id.a == screen->followed.a && rows->row[i].id.b == screen->followed.b)
			screen->selected = i;
	}
	if (screen->selected >= rows->count)
		screen->selected = rows->count ? rows->count - 1 : 0;
	if (screen->first > screen->selected)
		screen->first = screen->selected;
	if (screen->selected - screen->first >= page())
		screen->first = screen->selected - page() + 1;
	if (screen->first + page() > rows->count)
		screen->first = rows->count > page() ? rows->count - page() : 0;
}

void screen_draw(struct screen *screen, const struct top_rows *rows, const struct screen_facts *facts)
{
	char name[TOP_NAME];
	size_t i;

	if (screen->help) {
		draw_help(screen);
		return;
	}
	erase();
	if (LINES < LINES_MIN || COLS < COLUMNS_MIN) {
		put_line(screen, 0, 0, "too small", A_BOLD);
		refresh();
		return;
	}
	place(screen, rows);
	draw_head(screen, rows, facts);
	draw_columns(screen, 3);
	snprintf(name, sizeof(name), "total of %zu", rows->count);
	draw_row(screen, 4, &rows->total, name, facts, A_BOLD);
	for (i = screen->first; i < rows->count && i < screen->first + page(); i++) {
		*names_put(screen->names, name, screen->view->by, &rows->row[i]) = 0;
		draw_row(screen, HEAD + i - screen->first, &rows->row[i], name, facts, i == screen->selected ? A_REVERSE : A_NORMAL);
	}
	put_line(screen, LINES - 1, 0, "q quit  h help  f p d c rows  s sort  r reverse  l latency  / filter  Enter into", A_DIM);
	refresh();
}

/* A key while the filter is typed. */
static void ask(struct screen *screen, int key)
{
	size_t len = strlen(screen->asked);

	switch (key) {
	case KEY_ENTER:
	case '\r':
	case '\n':
		strcpy(screen->view->filter, screen->asked);
		screen->asking = false;
		break;
	case KEY_ESCAPE:
		screen->asking = false;
		break;
	case KEY_BACKSPACE:
	case '\b':
	case 127:
		/* A whole character, of however many bytes. */
		while (len && (screen->asked[--len] & 0xc0) == 0x80)
			;
		screen->asked[len] = 0;
		break;
	default:
		if (key >= ' ' && key < 256 && key != 127 && len < sizeof(screen->asked) - 1) {
			screen->asked[len] = key;
			screen->asked[len + 1] = 0;
		}
	}
}

static void choose(struct screen *screen, const struct top_rows *rows, size_t row)
{
	if (!rows->count)
		return;
	screen->selected = row < rows->count ? row : rows->count - 1;
	screen->follow = screen->selected > 0;
	screen->followed = rows->row[screen->selected].id;
}

/* Other rows: it begins again at the first. */
static void start_over(struct screen *screen)
{
	screen->selected = screen->first = 0;
	screen->follow = false;
}

static void choose_by(struct screen *screen, enum top_by by)
{
	if (screen->view->by != by)
		start_over(screen);
	screen->view->by = by;
}

static void set_interval(struct screen *screen, __u64 ns)
{
	*screen->interval_ns = ns < INTERVAL_MIN ? INTERVAL_MIN : ns > INTERVAL_MAX ? INTERVAL_MAX : ns;
}

/* False if it is the last one. */
static bool obey(struct screen *screen, const struct top_rows *rows, int key)
{
	struct top_view *view = screen->view;
	size_t selected = screen->selected;

	if (key == KEY_RESIZE)
		return true;
	if (screen->help) {
		screen->help = false;
		return true;
	}
	if (screen->asking) {
		ask(screen, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'h':
	case '?':
		screen->help = true;
		break;
	case KEY_UP:
		choose(screen, rows, selected ? selected - 1 : 0);
		break;
	case KEY_DOWN:
		choose(screen, rows, selected + 1);
		break;
	case KEY_PPAGE:
		choose(screen, rows, selected > page() ? selected - page() : 0);
		break;
	case KEY_NPAGE:
		choose(screen, rows, selected + page());
		break;
	case KEY_HOME:
		choose(screen, rows, 0);
		break;
	case KEY_END:
		choose(screen, rows, rows->count);
		break;
	case KEY_ENTER:
	case '\r':
	case '\n':
	case KEY_RIGHT:
		if (selected < rows->count && top_drill(view, &rows->row[selected]))
			start_over(screen);
		else
			beep();
		break;
	case KEY_ESCAPE:
	case KEY_BACKSPACE:
	case '\b':
	case 127:
	case KEY_LEFT:
		if (top_back(view))
			start_over(screen);
		else if (view->filter[0])
			view->filter[0] = 0;
		else
			beep();
		break;
	case 'f':
		choose_by(screen, TOP_FILES);
		break;
	case 'p':
		choose_by(screen, TOP_PROCESSES);
		break;
	case 'd':
		choose_by(screen, TOP_DEVICES);
		break;
	case 'c':
		choose_by(screen, TOP_CGROUPS);
		break;
	case 's':
	case '>':
		view->sort = (view->sort + 1) % SORT_COUNT;
		break;
	case '<':
		view->sort = (view->sort + SORT_COUNT - 1) % SORT_COUNT;
		break;
	case 'r':
		view->reverse = !view->reverse;
		break;
	case 'l':
		view->latency = (view->latency + 1) % TOP_OF_COUNT;
		break;
	case '/':
		screen->asking = true;
		strcpy(screen->asked, view->filter);
		break;
	case ' ':
		screen->paused = !screen->paused;
		break;
	case '+':
		set_interval(screen, *screen->interval_ns * 2);
		break;
	case '-':
		set_interval(screen, *screen->interval_ns / 2);
		break;
	default:
		beep();
	}
	return true;
}

bool screen_wait(struct screen *screen, const struct top_rows *rows, __u64 until_ns)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	__u64 now = monotonic_ns();
	int key = getch(), ready = 0;

	/* Some may have been read already. A change of the size comes as a key as well, with nothing to read. */
	if (key == ERR) {
		ready = poll(&input, 1, until_ns > now ? (int)((until_ns - now) / 1000000 + 1) : 0);
		key = getch();
	}
	/* One at a time: what the next one speaks of is yet to be drawn. */
	if (key != ERR)
		return obey(screen, rows, key);
	/* Whether the other end is still there. */
	return ready <= 0 || !(input.revents & (POLLHUP | POLLERR | POLLNVAL));
}
