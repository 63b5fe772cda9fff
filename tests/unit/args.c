// SPDX-License-Identifier: GPL-2.0
/* The parser of a command's options, every kind of them. */
#include "args.h"
#include "tap.h"

#define MAX_WORDS 12

static struct args args;
static struct err err;

/* @line's words are the arguments; '' stands for an empty one. */
static int parse(enum command_id command, const char *line)
{
	static char text[1024];
	static char *argv[MAX_WORDS + 1];
	char *rest = text, *word;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	while (argc < MAX_WORDS && (word = strsep(&rest, " "))) {
		if (*word)
			argv[argc++] = strcmp(word, "''") ? word : word + 2;
	}
	memset(&err, 0, sizeof(err));
	memset(&args, 0xa5, sizeof(args));
	return args_parse(&args, &commands[command], argc, argv, &err);
}

/* It is refused, as a wrong argument, with one sentence that has @part. */
static void refused(enum command_id command, const char *line, const char *part)
{
	int ret = parse(command, line);

	if (!ok(ret == -1 && err.status == STATUS_USAGE && strstr(err.text, part) && !strchr(err.text, '\n'),
		"%s %s: refused with '%s'", commands[command].name, line, part))
		printf("# ret %d, status %d, '%s'\n", ret, err.status, err.text);
}

/* Only @id was given. */
static void number(const char *line, enum option_id id, __u64 value)
{
	int ret = parse(CMD_lookups, line), i, others = 0;

	for (i = 0; i < OPT_COUNT_ALL; i++)
		others += args.given[i] && i != (int)id;
	if (!ok(!ret && args.given[id] && args.number[id] == value && !others && !args.operands &&
		args.command == &commands[CMD_lookups], "lookups %s: %s is %llu", line, options[id].longname,
		(unsigned long long)value))
		printf("# ret %d '%s', number %llu, %d others\n", ret, err.text, (unsigned long long)args.number[id], others);
}

static void text(const char *line, enum option_id id, const char *value)
{
	ok(!parse(CMD_lookups, line) && args.given[id], "lookups %s: %s is given", line, options[id].longname);
	is_str(args.text[id], value, "lookups %s: %s is '%s'", line, options[id].longname, value ? value : "(nothing)");
}

static __u64 group(const char *name)
{
	__u64 mask = 0;
	int i;

	for (i = 0; i < OP_COUNT; i++) {
		if (!strcmp(ops[i].group, name))
			mask |= 1ULL << i;
	}
	return mask;
}

static void kinds(void)
{
	ok(!parse(CMD_lookups, "") && !args.given[OPT_OUTPUT] && !args.given[OPT_HELP] && !args.operands, "nothing is given");

	text("--hist", OPT_HIST, NULL);
	text("--errors", OPT_ERRORS, NULL);
	text("-v", OPT_VERBOSE, NULL);
	text("--verbose", OPT_VERBOSE, NULL);
	text("-c fio", OPT_COMM, "fio");
	text("-cfio", OPT_COMM, "fio");
	text("--comm fio", OPT_COMM, "fio");
	text("--comm=fio", OPT_COMM, "fio");
	text("--comm=a=b", OPT_COMM, "a=b");
	text("--comm -v", OPT_COMM, "-v");
	text("--comm --", OPT_COMM, "--");
	text("--file=-", OPT_FILE, "-");
	text("-f/srv/x", OPT_FILE, "/srv/x");
	text("-d 8:16", OPT_DEV, "8:16");

	number("-p 1", OPT_PID, 1);
	number("-p1", OPT_PID, 1);
	number("--pid=0x10", OPT_PID, 16);
	number("--count 18446744073709551615", OPT_COUNT, ~0ULL);
	number("-i 128", OPT_INO, 128);
	number("--duration 1.5ms", OPT_DURATION, 1500000);
	number("--duration=2", OPT_DURATION, 2000000000);
	number("--min-latency 10us", OPT_MIN_LATENCY, 10000);
	number("--interval 1h", OPT_INTERVAL, 3600000000000);
	number("--ring-size 4k", OPT_RING_SIZE, 4096);
	number("--ring-size=0x1000", OPT_RING_SIZE, 4096);

	number("-o table", OPT_OUTPUT, 0);
	number("-ojson", OPT_OUTPUT, 1);
	number("--output=csv", OPT_OUTPUT, 2);
	number("--by op", OPT_BY, 0);
	number("--by type", OPT_BY, 1);
	number("--by dev", OPT_BY, 2);
	number("--by ino", OPT_BY, 3);
	number("--by comm", OPT_BY, 4);
	number("--source iomap_lookup", OPT_SOURCE, 0);
	number("--source iomap_iter+fexit", OPT_SOURCE, 1);
	number("--source iomap_iter+dstmap", OPT_SOURCE, 2);

	ok(!parse(CMD_probe, "-o json") && args.given[OPT_PROBE_OUTPUT] && !args.given[OPT_OUTPUT] && args.number[OPT_PROBE_OUTPUT] == 1,
	   "probe's --output is its own");
	ok(!parse(CMD_lookups, "--hist --by dev -o json -d /srv --op read -v") && args.given[OPT_HIST] && args.given[OPT_BY] &&
	   args.given[OPT_OUTPUT] && args.given[OPT_DEV] && args.given[OPT_OP] && args.given[OPT_VERBOSE], "many at once");
}

static void repeated(void)
{
	number("-p 1 --pid 2 -p3", OPT_PID, 3);
	number("-o csv --output table", OPT_OUTPUT, 0);
	number("--op read --op write", OPT_OP, 1u << OP_WRITE);
	text("-c a -c b", OPT_COMM, "b");
	text("-v -v", OPT_VERBOSE, NULL);
	refused(CMD_lookups, "-p 1 -p x", "'x'");
}

static void operations(void)
{
	char line[64];
	int i;

	for (i = 0; i < OP_COUNT; i++) {
		snprintf(line, sizeof(line), "--op %s", ops[i].name);
		number(line, OPT_OP, 1ULL << i);
	}
	for (i = 0; i < OP_COUNT; i++) {
		if (i && !strcmp(ops[i].group, ops[i - 1].group))
			continue;
		snprintf(line, sizeof(line), "--op=%s", ops[i].group);
		number(line, OPT_OP, group(ops[i].group));
	}
	number("--op dio_read,dio_write", OPT_OP, 1u << OP_DIO_READ | 1u << OP_DIO_WRITE);
	number("--op dio", OPT_OP, 1u << OP_DIO_READ | 1u << OP_DIO_WRITE);
	number("--op dio,seek_data,dio_read", OPT_OP, group("dio") | 1u << OP_SEEK_DATA);
	number("--op other,buffered,dio,dax,seek,map", OPT_OP, (1u << OP_COUNT) - 1);
	refused(CMD_lookups, "--op frobnicate", "'frobnicate'; there are: unknown, read");
	refused(CMD_lookups, "--op read,frobnicate,write", "'frobnicate'");
	refused(CMD_lookups, "--op rea", "'rea'");
	refused(CMD_lookups, "--op reads", "'reads'");
	refused(CMD_lookups, "--op READ", "'READ'");
	refused(CMD_lookups, "--op ,", "''");
	refused(CMD_lookups, "--op read,", "''");
	refused(CMD_lookups, "--op ,read", "''");
	refused(CMD_lookups, "--op read,,write", "''");
	refused(CMD_lookups, "--op ''", "''");
	/* The whole list is in the message: nobody has to look it up. */
	parse(CMD_lookups, "--op x");
	for (i = 0; i < OP_COUNT; i++) {
		snprintf(line, sizeof(line), " %s%s", ops[i].name, ",");
		has(err.text, line, "the message names %s", ops[i].name);
		snprintf(line, sizeof(line), " %s", ops[i].group);
		has(err.text, line, "the message names the group of %s, %s", ops[i].name, ops[i].group);
	}
}

static void wrong(void)
{
	refused(CMD_lookups, "--frobnicate", "unknown option '--frobnicate' for lookups; see 'iomapscope help lookups'");
	refused(CMD_lookups, "--frobnicate=3", "unknown option '--frobnicate'");
	refused(CMD_lookups, "--com x", "unknown option '--com'");
	refused(CMD_lookups, "--commm x", "unknown option '--commm'");
	refused(CMD_lookups, "--=x", "unknown option '--'");
	refused(CMD_lookups, "-Z", "unknown option '-Z'");
	refused(CMD_lookups, "-Zx", "unknown option '-Z'");
	refused(CMD_probe, "--hist", "unknown option '--hist' for probe");
	refused(CMD_probe, "-p 1", "unknown option '-p' for probe");
	refused(CMD_version, "-o json", "unknown option '-o' for version");

	refused(CMD_lookups, "--count", "--count needs an argument: N");
	refused(CMD_lookups, "-p", "--pid needs an argument: PID");
	refused(CMD_lookups, "-v -o", "--output needs an argument: FORMAT");
	refused(CMD_lookups, "--hist=1", "--hist takes no argument");
	refused(CMD_lookups, "--hist=", "--hist takes no argument");
	refused(CMD_lookups, "--help=lookups", "--help takes no argument");
	refused(CMD_lookups, "-vv", "-v takes no argument; write '-vv' as separate options");

	refused(CMD_lookups, "--comm ''", "--comm is empty; give a COMM");
	refused(CMD_lookups, "--comm=", "--comm is empty");
	refused(CMD_lookups, "-f ''", "--file is empty; give a FILE");

	refused(CMD_lookups, "-p 0", "'0' is not a number above 0");
	refused(CMD_lookups, "-p -1", "'-1' is not a number");
	refused(CMD_lookups, "-p-1", "'-1' is not a number");
	refused(CMD_lookups, "--pid=", "'' is not a number");
	refused(CMD_lookups, "--pid 1x", "'1x' is not a number");
	refused(CMD_lookups, "--count 18446744073709551616", "is not a number");
	refused(CMD_lookups, "--duration 0", "'0' is not a time; write it like");
	refused(CMD_lookups, "--duration -5us", "'-5us' is not a time");
	refused(CMD_lookups, "--duration 10parsecs", "'10parsecs' is not a time");
	refused(CMD_lookups, "--ring-size 0", "'0' is not a size; write it like");
	refused(CMD_lookups, "--ring-size 4q", "'4q' is not a size");

	refused(CMD_lookups, "-o yaml", "--output: unknown 'yaml'; there are: table, json, csv");
	refused(CMD_probe, "-o csv", "--output: unknown 'csv'; there are: table, json");
	refused(CMD_lookups, "-o js", "unknown 'js'");
	refused(CMD_lookups, "-o jsonl", "unknown 'jsonl'");
	refused(CMD_lookups, "-o table|json", "unknown 'table|json'");
	refused(CMD_lookups, "-o ''", "unknown ''");
	refused(CMD_lookups, "--by colour", "--by: unknown 'colour'; there are: op, type, dev, ino, comm");
	refused(CMD_lookups, "--source oracle", "there are: iomap_lookup, iomap_iter+fexit, iomap_iter+dstmap");

	refused(CMD_lookups, "frobnicate", "unexpected argument 'frobnicate' for lookups");
	refused(CMD_lookups, "-", "unexpected argument '-'");
	refused(CMD_lookups, "''", "unexpected argument ''");
	refused(CMD_lookups, "-- -v", "unexpected argument '-v'");

	parse(CMD_lookups, "\n--\t\x7f");
	is_str(err.text, "unexpected argument '?--?\?' for lookups; see 'iomapscope help lookups'",
	       "control characters do not reach the terminal");
}

static void words(void)
{
	ok(!parse(CMD_aio, "--op fsync") && args.number[OPT_OP_AIO] == 1 << AIO_OP_FSYNC, "one word of a list");
	ok(!parse(CMD_aio, "--op preadv,pread,preadv") && args.number[OPT_OP_AIO] == (1 << AIO_OP_PREADV | 1 << AIO_OP_PREAD), "several, and twice");
	ok(!parse(CMD_dmio, "--op=write_zeroes,other") && args.number[OPT_OP_DMIO] == (1 << DM_OP_WRITE_ZEROES | 1 << DM_OP_OTHER),
	   "of another command");
	refused(CMD_aio, "--op fsyn", "--op: unknown 'fsyn'; there are: pread, pwrite, fsync, fdsync, poll, preadv, pwritev, unknown");
	refused(CMD_aio, "--op fsync,", "unknown ''");
	refused(CMD_aio, "--op ,fsync", "unknown ''");
	refused(CMD_aio, "--op fsync,,poll", "unknown ''");
	refused(CMD_aio, "--op ''", "unknown ''");
	refused(CMD_aio, "--op fsync|poll", "unknown 'fsync|poll'");
	refused(CMD_aio, "--op dio", "unknown 'dio'");
	refused(CMD_dmio, "--op pread", "there are: read, write, flush, discard, secure_erase, write_zeroes, other");
	refused(CMD_dmio, "--op readreadreadreadreadreadreadreadreadreadreadreadread,write", "unknown 'readread");
	refused(CMD_dmio, "--ino 7", "unknown option '--ino' for dmio");
}

static void operands(void)
{
	ok(!parse(CMD_help, "lookups") && args.operands == 1 && !strcmp(args.operand[0], "lookups"), "help takes a command");
	ok(!parse(CMD_help, "a b -- -c --help") && args.operands == 4 && !strcmp(args.operand[2], "-c") &&
	   !strcmp(args.operand[3], "--help") && !args.given[OPT_HELP], "what follows -- is no option");
	ok(!parse(CMD_help, "a -- --") && args.operands == 2 && !strcmp(args.operand[1], "--"), "a second -- is an argument");
	ok(!parse(CMD_help, "-") && args.operands == 1, "- is an argument");
	ok(!parse(CMD_lookups, "--"), "-- alone means nothing");
	ok(!parse(CMD_lookups, "--help --frobnicate x") && args.given[OPT_HELP], "--help ends the parsing");
	ok(!parse(CMD_lookups, "-h -Z") && args.given[OPT_HELP], "-h ends the parsing");
	refused(CMD_lookups, "--frobnicate --help", "unknown option '--frobnicate'");
}

/* Each option of each command, with an argument that is one. */
static void table(void)
{
	static const char *const good[] = {
		[OPTION_STRING] = "word", [OPTION_NUMBER] = "7", [OPTION_TIME] = "7us", [OPTION_SIZE] = "8k", [OPTION_OPS] = "read",
		[OPTION_PERCENTILES] = "50,99.9",
	};
	size_t k;
	int c;

	for (c = 0; c < CMD_COUNT; c++) {
		for (k = 0; k < commands[c].option_count; k++) {
			enum option_id id = commands[c].options[k];
			const struct option_desc *option = &options[id];
			char line[96], last[48] = "";

			if (option->choices)
				snprintf(last, sizeof(last), "%s", strrchr(option->choices, '|') + 1);
			else if (option->kind != OPTION_NONE)
				snprintf(last, sizeof(last), "%s", good[option->kind]);
			if (option_is_optional(option)) {
				snprintf(line, sizeof(line), "--%s", option->longname);
				ok(!parse(c, line) && args.given[id] && !args.number[id] && !args.text[id], "%s %s: the first choice", commands[c].name, line);
				snprintf(line, sizeof(line), "--%s=%s", option->longname, last);
				ok(!parse(c, line) && args.given[id] && args.number[id], "%s %s", commands[c].name, line);
				snprintf(line, sizeof(line), "--%s %s", option->longname, last);
				/* It is none of the option's, but where there are others it is one of these. */
				if (commands[c].arguments)
					ok(!parse(c, line) && !args.text[id] && args.operands == 1, "%s %s: not its own", commands[c].name, line);
				else
					refused(c, line, "unexpected argument");
				continue;
			}
			if (*last) {
				snprintf(line, sizeof(line), "--%s=%s", option->longname, last);
				ok(!parse(c, line) && args.given[id], "%s %s", commands[c].name, line);
				snprintf(line, sizeof(line), "--%s", option->longname);
				refused(c, line, "needs an argument");
			}
			if (!option->shortname)
				continue;
			snprintf(line, sizeof(line), "-%c %s", option->shortname, last);
			ok(!parse(c, line) && args.given[id], "%s %s", commands[c].name, line);
			snprintf(line, sizeof(line), "-%c%s", option->shortname, last);
			ok(!parse(c, line) && args.given[id], "%s %s", commands[c].name, line);
		}
	}
}

static void find(void)
{
	int i;

	for (i = 0; i < CMD_COUNT; i++)
		ok(command_find(commands[i].name) == &commands[i], "the command %s is found", commands[i].name);
	ok(!command_find("lookup") && !command_find("lookupss") && !command_find("") && !command_find("LOOKUPS"), "others are not");
}

int main(void)
{
	kinds();
	repeated();
	operations();
	wrong();
	words();
	operands();
	table();
	find();
	return done_testing();
}
