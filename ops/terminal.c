/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See terminal.h; control sequences as in ECMA-48. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define SCREEN_TAKE	"\033[?1049h\033[?25l\033[2J"
#define SCREEN_GIVE_BACK "\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define ERASE_LINE	"\033[K"
#define ERASE_REST	"\033[J"
#define BOLD		"\033[1m"
#define PLAIN		"\033[m"

enum { ETX = 3 };	/* ^C, where the terminal makes no signal of it */

struct terminal {
	struct termios before;
	sigset_t mask_before;
	int signals;		/* descriptor */
	int lines, columns;
	bool gone;
};

static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

/* ---- writing ------------------------------------------------------------------------ */

static void send_all(struct terminal *terminal, const char *data, size_t len)
{
	while (len > 0 && !terminal->gone) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			terminal->gone = true;
		if (n <= 0)
			continue;
		data += n;
		len -= (size_t)n;
	}
}

static void send_text(struct terminal *terminal, const char *text)
{
	send_all(terminal, text, strlen(text));
}

static void draw_line(const char *line, size_t len, size_t columns, FILE *out)
{
	size_t shown = len < columns ? len : columns;
	size_t heading = shown && line[0] != ' ' ? strcspn(line, " \n") : 0;

	if (heading > shown)
		heading = shown;
	if (heading)
		fprintf(out, BOLD "%.*s" PLAIN, (int)heading, line);
	fprintf(out, "%.*s" ERASE_LINE, (int)(shown - heading), line + heading);
}

/* The last column stays free: some terminals go to the next line behind it. */
void terminal_draw(struct terminal *terminal, const char *text)
{
	size_t columns = terminal->columns > 1 ? (size_t)terminal->columns - 1 : 1;
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);

	if (!out)
		return;
	fputs(HOME, out);
	for (int i = 0; *text && i < terminal->lines; i++) {
		size_t n = strcspn(text, "\n");

		if (i > 0)
			fputs("\r\n", out);
		draw_line(text, n, columns, out);
		text += n + (text[n] == '\n');
	}
	fputs(ERASE_REST, out);
	if (fclose(out) == 0)
		send_all(terminal, page, len);
	free(page);
}

/* ---- size, keys, signals ---------------------------------------------------------------- */

static void measure(struct terminal *terminal)
{
	struct winsize size;

	terminal->lines = 24;
	terminal->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		return;
	terminal->lines = size.ws_row;
	terminal->columns = size.ws_col;
}

int terminal_lines(const struct terminal *terminal)
{
	return terminal->lines;
}

static void take_over(struct terminal *terminal)
{
	struct termios mode = terminal->before;

	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 0;	/* a key that somebody else has read keeps nobody waiting */
	mode.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	measure(terminal);
	send_text(terminal, SCREEN_TAKE);
}

static void give_back(struct terminal *terminal)
{
	send_text(terminal, SCREEN_GIVE_BACK);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
}

/* ^Z: the shell has the terminal until it lets us go on. */
static void step_aside(struct terminal *terminal)
{
	give_back(terminal);
	raise(SIGSTOP);
	take_over(terminal);
}

static enum terminal_news on_signal(struct terminal *terminal)
{
	struct signalfd_siginfo info;

	if (read(terminal->signals, &info, sizeof(info)) != sizeof(info))
		return TERMINAL_TIME;
	switch (info.ssi_signo) {
	case SIGWINCH:
		measure(terminal);
		return TERMINAL_REDRAW;
	case SIGTSTP:
		step_aside(terminal);
		return TERMINAL_REDRAW;
	default:
		return TERMINAL_QUIT;
	}
}

static bool wants_to_quit(void)
{
	char keys[32];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == ETX)
			return true;
	return false;
}

enum terminal_news terminal_wait(struct terminal *terminal, int64_t ms)
{
	struct pollfd fds[] = {
		{ .fd = terminal->signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	if (terminal->gone)
		return TERMINAL_QUIT;
	if (poll(fds, 2, ms > 0 ? (int)ms : 0) <= 0)
		return TERMINAL_TIME;
	if (fds[0].revents)
		return on_signal(terminal);
	if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
		return TERMINAL_QUIT;
	return wants_to_quit() ? TERMINAL_QUIT : TERMINAL_TIME;
}

/* ---- life --------------------------------------------------------------------------- */

struct terminal *terminal_open(void)
{
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	sigset_t mask;

	if (!terminal || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before) < 0)
		goto failed;
	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&mask, wanted[i]);
	terminal->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (terminal->signals < 0)
		goto failed;
	sigprocmask(SIG_BLOCK, &mask, &terminal->mask_before);
	take_over(terminal);
	return terminal;
failed:
	free(terminal);
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	give_back(terminal);
	close(terminal->signals);
	sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
	free(terminal);
}
