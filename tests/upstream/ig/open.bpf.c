// The kernel's side of a gadget: an event for each openat, as the source `open` that guest-examples/redact expects.
//
// It includes nothing, so that a C compiler for BPF is all it takes: what Linux and Inspektor Gadget define is
// declared below as far as it is used. Build it with debug information; ig reads the types by name from it.

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

// ---- Linux: helpers by number, and the members of its structures, which are found by name when it is loaded.

enum { MAP_HASH = 1, MAP_RINGBUF = 27, ANY = 0 };

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static u64 (*const pid_tgid)(void) = (void *)14;
static u64 (*const uid_gid)(void) = (void *)15;
static long (*const get_comm)(void *buffer, u32 size) = (void *)16;
static void *(*const current_task)(void) = (void *)35;
static long (*const read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const read_user_text)(void *to, u32 size, const void *from) = (void *)114;
static long (*const read_kernel_text)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*const boot_ns)(void) = (void *)125;
static void *(*const reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const submit)(void *data, u64 flags) = (void *)132;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	u32 inum;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
};
struct task_struct {
	int pid, tgid;
	struct task_struct *real_parent;
	char comm[16];
	struct nsproxy *nsproxy;
};
#pragma clang attribute pop

struct enter { // /sys/kernel/tracing/events/syscalls/sys_enter_openat/format
	u64 common;
	s64 number;
	u64 args[6];
};
struct leave {
	u64 common;
	s64 number;
	s64 result;
};

// ---- Inspektor Gadget: the names of these types say what it makes of a field.

typedef u64 gadget_timestamp;
typedef u64 gadget_mntns_id;
typedef u32 gadget_errno;
typedef u32 gadget_file_flags;
typedef u32 gadget_file_mode;
typedef u32 gadget_uid;
typedef u32 gadget_gid;
typedef u32 gadget_pid;
typedef u32 gadget_tid;
typedef u32 gadget_ppid;
typedef char gadget_comm;
typedef char gadget_pcomm;

struct gadget_creds {
	gadget_uid uid;
	gadget_gid gid;
};
struct gadget_parent {
	gadget_pcomm comm[16];
	gadget_ppid pid;
};
struct gadget_process {
	gadget_comm comm[16];
	gadget_pid pid;
	gadget_tid tid;
	gadget_mntns_id mntns_id;
	struct gadget_creds creds;
	struct gadget_parent parent;
};

// ---- The gadget.

struct event {
	gadget_timestamp timestamp_raw;
	struct gadget_process proc;
	gadget_errno error_raw;
	u32 fd;
	gadget_file_flags flags_raw;
	gadget_file_mode mode_raw;
	char fname[255];
};

struct asked {
	const char *name;
	u32 flags;
	u16 mode;
};

struct {
	int (*type)[MAP_HASH];
	int (*max_entries)[10240];
	u32 *key;
	struct asked *value;
} pending SECTION(".maps");

struct {
	int (*type)[MAP_RINGBUF];
	int (*max_entries)[1 << 20];
} events SECTION(".maps");

// A tracer is declared by the name of a variable: gadget_tracer_<source>___<map>___<structure>.
const void *gadget_tracer_open___events___event __attribute__((unused));
const struct event *type_of_open __attribute__((unused));

SECTION("tracepoint/syscalls/sys_enter_openat")
int enter_openat(struct enter *call)
{
	u32 thread = pid_tgid();
	struct asked asked = { (const char *)call->args[1], call->args[2], call->args[3] };
	map_update(&pending, &thread, &asked, ANY);
	return 0;
}

INLINE void describe_caller(struct gadget_process *process)
{
	struct task_struct *task = current_task(), *parent = 0;
	struct nsproxy *namespaces = 0;
	struct mnt_namespace *mounts = 0;
	u64 ids = pid_tgid(), owner = uid_gid();
	u32 inode = 0;

	get_comm(process->comm, sizeof(process->comm));
	process->pid = ids >> 32;
	process->tid = ids;
	process->creds.uid = owner;
	process->creds.gid = owner >> 32;
	read_kernel(&namespaces, sizeof(namespaces), &task->nsproxy);
	read_kernel(&mounts, sizeof(mounts), &namespaces->mnt_ns);
	read_kernel(&inode, sizeof(inode), &mounts->ns.inum);
	process->mntns_id = inode;
	read_kernel(&parent, sizeof(parent), &task->real_parent);
	read_kernel(&process->parent.pid, sizeof(process->parent.pid), &parent->tgid);
	read_kernel_text(process->parent.comm, sizeof(process->parent.comm), &parent->comm);
}

SECTION("tracepoint/syscalls/sys_exit_openat")
int exit_openat(struct leave *call)
{
	u32 thread = pid_tgid();
	struct asked *asked = map_lookup(&pending, &thread);
	if (!asked)
		return 0;
	struct event *event = reserve(&events, sizeof(*event), 0);
	if (event) {
		event->timestamp_raw = boot_ns();
		describe_caller(&event->proc);
		event->error_raw = call->result < 0 ? -call->result : 0;
		event->fd = call->result < 0 ? 0 : call->result;
		event->flags_raw = asked->flags;
		event->mode_raw = asked->mode;
		read_user_text(event->fname, sizeof(event->fname), asked->name);
		submit(event, 0);
	}
	map_delete(&pending, &thread);
	return 0;
}

char LICENSE[] SECTION("license") = "GPL";
