/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands and options. */
#include "cli_table.h"

#include <stdio.h>
#include <string.h>

#include "../core/config.h"

/* offsetof() that compiles only where the field has the type that the row's kind needs */
#define PLACE(field, type)                                                                       \
	(offsetof(struct cli, field) +                                                           \
	 0 * sizeof(char[_Generic(((struct cli *)0)->field, type: 1, default: -1)]))
#define FLAG(field) NULL, PLACE(field, bool)
#define VALUE(name, field) name, PLACE(field, const char *)
#define WORDS(list) .choice.words = list

const struct cli_option cli_options[] = {
	{ "config", 'c', VALUE("FILE", config_path),
	  .help = "the configuration (default " CONFIG_DEFAULT_PATH " where it exists)",
	  .choice.files = true },
	{ "socket", 's', VALUE("SOCKET", socket_path),
	  .help = "the control socket of the running gateway (default: ops.control of the "
		  "configuration)",
	  .choice.files = true },
	{ "json", '\0', FLAG(json), .help = "print JSON, with a schema number" },
	{ "proto", '\0', VALUE("P", proto), .help = "tcp, udp or icmp", WORDS("tcp udp icmp") },
	{ "port", '\0', VALUE("N", port), .help = "a port, or the identifier of ICMP" },
	{ "from", '\0', VALUE("ADDR", from),
	  .help = "who sends it; a client is invented where none is given" },
	{ "state", '\0', VALUE("S", state),
	  .help = "of TCP: v4-init, v6-init, established, v4-fin, v6-fin, v4-fin-v6-fin or trans "
		  "(RFC 6146)",
	  WORDS("v4-init v6-init established v4-fin v6-fin v4-fin-v6-fin trans") },
	{ "client", '\0', VALUE("A", client), .help = "those of this address or prefix" },
	{ "name", '\0', VALUE("N", name),
	  .help = "to the server of this name; \"*.example.org\": of those below" },
	{ "backend", '\0', VALUE("A", backend), .help = "to a server with this address or prefix" },
	{ "stage", '\0', VALUE("S", stage),
	  .help = "hello, lookup, dial, greet, relay, silent, half-closed or refused",
	  WORDS("hello lookup dial greet relay silent half-closed refused") },
	{ "openmetrics", '\0', FLAG(openmetrics),
	  .help = "as OpenMetrics 1.0 has it, rather than Prometheus's text format 0.0.4" },
	{ "no-cache", '\0', FLAG(no_cache),
	  .help = "ask the resolver, whatever the cache of answers holds" },
	{ "dnssec", '\0', FLAG(dnssec),
	  .help = "as a client that validates itself asks: DO is set" },
	{ "below", '\0', FLAG(below), .help = "also what is below the name" },
	{ "number", 'n', VALUE("N", number),
	  .help = "dns top: so many of each (default 20); top: so many times (default: until it is "
		  "stopped)" },
	{ "delay", 'd', VALUE("SECONDS", delay),
	  .help = "from one time to the next, 0.1 to 3600 (default 1)" },
	{ "effective", '\0', FLAG(effective),
	  .help = "the values that hold here, each with where it comes from: default, file or "
		  "detected" },
	{ "from-snid", '\0', VALUE("ARGS", from_snid),
	  .help = "make one of snid's command line, given as one word" },
	{ "from-jool", '\0', VALUE("FILE", from_jool),
	  .help = "make one of a NAT64 instance of Jool, in its JSON", .choice.files = true },
	{ "from-tayga", '\0', VALUE("FILE", from_tayga), .help = "make one of TAYGA's tayga.conf",
	  .choice.files = true },
	{ "quick", '\0', FLAG(quick),
	  .help = "send nothing to others: no probes of MTU, of ways and of the DNS" },
	{ "only", '\0', VALUE("ID,..", only), .help = "these checks; --verbose lists all" },
	{ "except", '\0', VALUE("ID,..", except), .help = "all checks but these" },
	{ "internet", '\0', VALUE("ADDR", internet),
	  .help = "an IPv4 host on the Internet that answers pings (default 1.1.1.1)" },
	{ "bogus", '\0', VALUE("NAME", bogus),
	  .help = "a name whose signatures are forged (default dnssec-failed.org)" },
	{ "verbose", '\0', FLAG(verbose),
	  .help = "also what is in order, and what was not looked at, and why" },
	{ "inside", '\0', VALUE("LIST", inside),
	  .help = "auto, or the IPv6 networks to serve, commas between them" },
	{ "listen", '\0', VALUE("LIST", listen),
	  .help = "the ports for connections by name (default 443), or none" },
	{ "upstream", '\0', VALUE("LIST", upstream), .help = "recursive, or the DNS servers to ask" },
	{ "uplink", '\0', VALUE("IF", uplink),
	  .help = "the interface towards the IPv4 Internet (default: it is found)" },
	{ "local-ports", '\0', VALUE("A-B", local_ports),
	  .help = "keep the host's own connections to these ports (net.ipv4.ip_local_port_range): "
		  "NAT64 has the others" },
	{ "resolv-conf", '\0', FLAG(resolv_conf),
	  .help = "let the host itself ask dns64 (/etc/resolv.conf)" },
	{ "no-start", '\0', FLAG(no_start), .help = "leave the service as it is" },
	{ "yes", '\0', FLAG(yes), .help = "ask nothing" },
	{ "dry-run", '\0', FLAG(dry_run), .help = "show what would be done, and do nothing" },
	{ "undo", '\0', FLAG(undo), .help = "take back what setup has changed, and nothing else" },
	{ "help", 'h', FLAG(help), .help = "print help" },
};

const struct cli_row cli_rows[] = {
	{ "run", CLI_RUN, "", 0, 0, .options = "config",
	  .help = "Run the gateway in the foreground until SIGTERM or SIGINT; SIGHUP reloads.",
	  .failed = "it could not start, or something broke that it cannot go on without.",
	  .example = "gate64 run -c /etc/gate64/gate64.yaml" },
	{ "check", CLI_CHECK, "", 0, 0, .options = "config json",
	  .help = "Check a configuration file; every error is printed with line and column.",
	  .failed = "the configuration has errors.",
	  .example = "gate64 check -c new.yaml && mv new.yaml /etc/gate64/gate64.yaml",
	  .schema = "check" },
	{ "config", CLI_CONFIG, "", 0, 0,
	  .options = "effective from-snid from-jool from-tayga json socket config",
	  .help = "Print the configuration in canonical form, defaults included. With --effective "
		  "a running gateway is asked for its own; where none answers that has this "
		  "file, what is detected is looked up here. What is made from another program's comes "
		  "as a short file; what has no equal is named on standard error.",
	  .failed = "the configuration, or what is to be converted, has errors.",
	  .example = "gate64 config --effective", .schema = "config" },
	{ "status", CLI_STATUS, "", 0, 0, .options = "json socket config",
	  .help = "Ask the running gateway how it is: addresses, rooms, counters, last reload.",
	  .example = "gate64 status --json | jq .rooms.nat64.sessions", .schema = "status" },
	{ "metrics", CLI_METRICS, "", 0, 0, .options = "openmetrics json socket config",
	  .help = "Print the running gateway's metrics, as Prometheus gets them at ops.metrics.",
	  .example = "gate64 metrics | grep drops", .schema = "metrics" },
	{ "top", CLI_TOP, "", 0, 0, .options = "number delay json socket config",
	  .help = "Watch the running gateway: what each room does in a second, what is dropped, "
		  "who is busy, who was refused. On a terminal q ends it; to anything else a page "
		  "after another is printed, or as JSON one line each time.",
	  .failed = "nobody answered.",
	  .example = "gate64 top -n 60 --json >minute.jsonl", .schema = "top" },
	{ "flows", CLI_FLOWS, "[ADDR[/LEN]]", 0, 1,
	  .options = "proto port state json socket config",
	  .help = "List NAT64 sessions: those with this address or prefix, inside, outside or "
		  "remote.",
	  .example = "gate64 flows 2001:db8:1::7 --proto tcp --state established",
	  .schema = "flows" },
	{ "bindings", CLI_BINDINGS, "[ADDR[/LEN]]", 0, 1,
	  .options = "proto port json socket config",
	  .help = "List NAT64 bindings: which outside address and port stands for which inside "
		  "one.",
	  .example = "gate64 bindings --port 10240", .schema = "bindings" },
	{ "connections", CLI_CONNECTIONS, "", 0, 0,
	  .options = "client name backend stage json socket config",
	  .help = "List the connections of the SNI proxy, in whichever stage they are.",
	  .example = "gate64 connections --name '*.example.org' --stage relay",
	  .schema = "connections" },
	{ "trace", CLI_TRACE, "ADDR[:PORT]|NAME", 1, 1,
	  .options = "proto port from json socket config",
	  .help = "Say what NAT64 would do with a packet to this address, decision by decision; "
		  "to a name, first which address dns64 gives for it.",
	  .example = "gate64 trace 192.0.2.80:443 --from 2001:db8:1::7", .schema = "trace" },
	{ "dns lookup", CLI_DNS_LOOKUP, "NAME|ADDR [TYPE]", 1, 2,
	  .second.words = "A AAAA CAA CNAME DNSKEY DS HTTPS MX NAPTR NS PTR SOA SRV SVCB TLSA TXT",
	  .options = "no-cache dnssec json socket config",
	  .help = "Have dns64 answer a query, and say step by step how it came by the answer. Of a "
		  "name, AAAA is asked for where no type is given; of an address, PTR of its "
		  "reverse name.",
	  .failed = "there was no answer; that there is no such name is one.",
	  .example = "gate64 dns lookup www.example.org --no-cache", .schema = "dns-lookup" },
	{ "dns flush", CLI_DNS_FLUSH, "[NAME]", 0, 1, .options = "below json socket config",
	  .help = "Forget the answers that dns64 and snid keep: all, or those for one name.",
	  .example = "gate64 dns flush example.org --below", .schema = "dns-flush" },
	{ "dns top", CLI_DNS_TOP, "", 0, 0, .options = "number json socket config",
	  .help = "Show the names asked for most in the last minute, and who asks most.",
	  .example = "gate64 dns top -n 5", .schema = "dns-top" },
	{ "doctor", CLI_DOCTOR, "", 0, 0,
	  .options = "quick only except internet bogus verbose json socket config",
	  .help = "Find what is wrong with the gateway, its host and what it depends on, and say how "
		  "each is mended; with or without a gateway that runs. Be root, or not all can be "
		  "looked at: what could not is said. Where all is well nothing is.",
	  .failed = "something was found.", .example = "gate64 doctor", .schema = "doctor" },
	{ "reload", CLI_RELOAD, "", 0, 0, .options = "json socket config",
	  .help = "Make the running gateway read its file again; says why when it refuses.",
	  .failed = "it refused, and the old configuration holds, or nobody answered.",
	  .example = "gate64 check && gate64 reload", .schema = "reload" },
	{ "setup", CLI_SETUP, "", 0, 0,
	  .options = "inside listen upstream uplink local-ports resolv-conf no-start yes dry-run undo "
		     "json config",
	  .help = "Set this host up: ask on a terminal, or take flags; show what will be changed; "
		  "write a configuration of what is not the default, enable and start the service. "
		  "A configuration that somebody has written is used as it is. "
		  "With --undo all of that is taken back, and flows that a gateway has left in the "
		  "kernel when it stopped; what somebody has edited since is kept beside it. "
		  "JSON goes with --dry-run.",
	  .failed = "something is in the way; or a step failed and those before it were taken back; "
		    "or the service was started and does not answer, which --undo takes back.",
	  .example = "gate64 setup --listen 443,80 --dry-run", .schema = "setup" },
	{ "completion", CLI_COMPLETION, "bash", 1, 1, .choice.words = "bash", .options = "",
	  .help = "Print a script that makes the shell complete gate64's command lines.",
	  .example = "source <(gate64 completion bash)" },
	{ "version", CLI_VERSION, "", 0, 0, .options = "json", .help = "Print the version.",
	  .example = "gate64 version", .schema = "version" },
	{ "help", CLI_HELP, "[COMMAND]", 0, 2, .choice.commands = true, .options = "",
	  .help = "Print this text, or one command's.", .example = "gate64 help dns lookup" },
};

const size_t cli_n_options = sizeof(cli_options) / sizeof(cli_options[0]);
const size_t cli_n_rows = sizeof(cli_rows) / sizeof(cli_rows[0]);

bool cli_row_of(const struct cli_row *row, const char *topic)
{
	size_t len = strlen(topic);

	return strncmp(row->name, topic, len) == 0 && (!row->name[len] || row->name[len] == ' ');
}

/* The option that the first word of @names is */
static const struct cli_option *option_at(const char *names)
{
	size_t len = strcspn(names, " ");

	for (size_t i = 0; i < cli_n_options; i++)
		if (strlen(cli_options[i].name) == len &&
		    strncmp(cli_options[i].name, names, len) == 0)
			return &cli_options[i];
	return NULL;
}

const struct cli_option *cli_row_option(const struct cli_row *row, size_t nth)
{
	const char *names = row->options;

	for (; *names; nth--) {
		if (nth == 0)
			return option_at(names);
		names += strcspn(names, " ");
		names += *names == ' ';
	}
	return nth == 0 ? option_at("help") : NULL;
}

bool cli_row_takes(const struct cli_row *row, const struct cli_option *option)
{
	const struct cli_option *own;

	for (size_t i = 0; (own = cli_row_option(row, i)); i++)
		if (own == option)
			return true;
	return false;
}

const char *cli_option_name(const struct cli_option *option, char text[CLI_NAME_MAX])
{
	if (option->letter)
		snprintf(text, CLI_NAME_MAX, "-%c", option->letter);
	else
		snprintf(text, CLI_NAME_MAX, "--%s", option->name);
	return text;
}

const char *cli_row_usage(const struct cli_row *row, char text[CLI_USAGE_MAX])
{
	size_t len = (size_t)snprintf(text, CLI_USAGE_MAX, "%s", row->operands);
	const struct cli_option *option;
	char name[CLI_NAME_MAX];

	for (size_t i = 0; (option = cli_row_option(row, i)) && len < CLI_USAGE_MAX; i++)
		if (option->place != offsetof(struct cli, help))
			len += (size_t)snprintf(text + len, CLI_USAGE_MAX - len, "%s[%s%s%s]",
						len ? " " : "", cli_option_name(option, name),
						option->value ? " " : "",
						option->value ? option->value : "");
	return text;
}
