/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The script knows commands, options and values by three functions that are made from the
 * table; what is below them is the same whatever the table says. It needs nothing of the
 * bash-completion package.
 */
#include "completion.h"

#include <string.h>

#include "cli_table.h"

static const char head[] =
	"# bash completion of gate64, made by `gate64 completion bash'; do not edit\n\n";

/* "=" is a word of its own to readline. */
static const char tail[] =
	"_gate64()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} option= command= group= n=0 i word\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tcase $word in\n"
	"\t\t=) continue ;;\n"
	"\t\t-*)\t_gate64_value \"$word\" >/dev/null && option=$word ;;\n"
	"\t\t*)\tif [[ $option ]]; then option=\n"
	"\t\t\telif [[ ! $command ]]; then\n"
	"\t\t\t\tgroup=${group:+$group }$word\n"
	"\t\t\t\t_gate64_options \"$group\" >/dev/null && command=$group\n"
	"\t\t\telse ((n++)); fi ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t[[ $cur == = ]] && cur=\n"
	"\tif [[ $option ]]; then _gate64_offer \"$(_gate64_value \"$option\")\"\n"
	"\telif [[ $cur == -* ]]; then _gate64_offer \"$(_gate64_options \"$command\")\"\n"
	"\telif [[ $command ]]; then _gate64_offer \"$(_gate64_operand \"$command\" $n)\"\n"
	"\telse _gate64_offer \"$(_gate64_words \"$group\")\"; fi\n"
	"}\n\n"
	"_gate64_offer()\n"
	"{\n"
	"\tif [[ $1 == '<files>' ]]; then\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\telse\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
	"\tfi\n"
	"}\n\n"
	"complete -F _gate64 gate64\n";

/* The first words of commands, or the second ones of a group; each once, as those of a group
 * stand together. */
static void print_words(const char *group, FILE *out)
{
	size_t skip = group ? strlen(group) + 1 : 0, before = 0;
	const char *last = "";

	for (size_t i = 0; i < cli_n_rows; i++) {
		const char *word = cli_rows[i].name + skip;
		size_t len;

		if (group && (!cli_row_of(&cli_rows[i], group) || strlen(cli_rows[i].name) < skip))
			continue;
		len = strcspn(word, " ");
		if (len == before && strncmp(word, last, len) == 0)
			continue;
		fprintf(out, "%s%.*s", *last ? " " : "", (int)len, word);
		last = word;
		before = len;
	}
}

/* What stands before the blank in names of two words */
static void print_groups(FILE *out)
{
	const char *last = "";

	for (size_t i = 0; i < cli_n_rows; i++) {
		char group[CLI_NAME_MAX];
		size_t len = strcspn(cli_rows[i].name, " ");

		if (!cli_rows[i].name[len] || strncmp(cli_rows[i].name, last, len + 1) == 0)
			continue;
		last = cli_rows[i].name;
		snprintf(group, sizeof(group), "%.*s", (int)len, last);
		fprintf(out, "\t%s) echo '", group);
		print_words(group, out);
		fputs("' ;;\n", out);
	}
}

static void print_command_words(FILE *out)
{
	fputs("# The words that may follow: none, or the word of a group\n"
	      "_gate64_words()\n{\n\tcase $1 in\n\t'') echo '", out);
	print_words(NULL, out);
	fputs("' ;;\n", out);
	print_groups(out);
	fputs("\tesac\n}\n\n", out);
}

static void print_options(FILE *out)
{
	const struct cli_option *option;

	fputs("# The options of a command; fails where there is no such command\n"
	      "_gate64_options()\n{\n\tcase $1 in\n", out);
	for (size_t i = 0; i < cli_n_rows; i++) {
		fprintf(out, "\t'%s') echo '", cli_rows[i].name);
		for (size_t k = 0; (option = cli_row_option(&cli_rows[i], k)); k++) {
			fprintf(out, "%s--%s", k ? " " : "", option->name);
			if (option->letter)
				fprintf(out, " -%c", option->letter);
		}
		fputs("' ;;\n", out);
	}
	fputs("\t'') echo '--help --version'; return 1 ;;\n\t*) return 1 ;;\n\tesac\n}\n\n", out);
}

static void print_choice(const struct cli_choice *choice, FILE *out)
{
	fputs("echo '", out);
	if (choice->commands)
		print_words(NULL, out);
	else
		fputs(choice->files ? "<files>" : choice->words ? choice->words : "", out);
	fputs("' ;;\n", out);
}

static void print_values(FILE *out)
{
	fputs("# What the value of an option may be; fails where it takes none\n"
	      "_gate64_value()\n{\n\tcase $1 in\n", out);
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *option = &cli_options[i];

		if (!option->value)
			continue;
		fprintf(out, "\t--%s", option->name);
		if (option->letter)
			fprintf(out, " | -%c", option->letter);
		fputs(") ", out);
		print_choice(&option->choice, out);
	}
	fputs("\t*) return 1 ;;\n\tesac\n}\n\n", out);
}

/* What `help' takes first may be a group, whose commands come second. */
static void print_operands(FILE *out)
{
	fputs("# What an operand of a command may be: its number counts from 0\n"
	      "_gate64_operand()\n{\n\tcase \"$1:$2\" in\n", out);
	for (size_t i = 0; i < cli_n_rows; i++) {
		const struct cli_row *row = &cli_rows[i];

		if (row->most > 0) {
			fprintf(out, "\t'%s:0') ", row->name);
			print_choice(&row->choice, out);
		}
		if (row->most > 1 && row->choice.commands) {
			fprintf(out, "\t'%s:1') _gate64_words \"$word\" ;;\n", row->name);
		} else if (row->most > 1) {
			fprintf(out, "\t'%s:1') ", row->name);
			print_choice(&row->second, out);
		}
	}
	fputs("\tesac\n}\n\n", out);
}

void completion_bash(FILE *out)
{
	fputs(head, out);
	print_command_words(out);
	print_options(out);
	print_values(out);
	print_operands(out);
	fputs(tail, out);
}
