"""What is declared at module level, when the host hears of it, and what is said when it refuses."""

from typing import Any

import pytest

EVERYTHING = """
    import gadget

    gadget.config["datasources.out.annotations.x"] = "y"
    first = gadget.source("in")
    a = first.field("a", str)
    out = gadget.new_source("out")
    b = out.add_field("b", gadget.Uint64, tags=["one", "two"])
    b.add_tag("three")
    first.on_event(priority=-7)(lambda event: None)
    c = first.add_field("c", str)
    first.unreference()
"""


def test_importing_a_gadget_calls_nothing(host: Any, load: Any) -> None:
    """At build time there is no host."""
    load(EVERYTHING)
    assert host.calls == []


def test_declarations_are_made_in_gadget_init_in_their_order(host: Any, load: Any) -> None:
    """One after the other as they stand in the file."""
    host.source("in", a=12)
    load(EVERYTHING).start()
    assert host.calls == [
        "set_config_buffer",
        "get_data_source",
        "data_source_get_field",
        "new_data_source",
        "data_source_add_field",
        *["field_add_tag"] * 3,
        "data_source_subscribe",
        "data_source_add_field",
        "data_source_unreference",
    ]
    assert host.sources["out"].fields[0].tags == ["one", "two", "three"]
    assert host.sources["in"].subscriptions[0][:2] == (-7, 1)
    assert host.config == {"datasources.out.annotations.x": "y"}


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        (
            'gadget.source("nope")',
            "gadgetInit: program.py:3: there is no source 'nope', or it is unreferenced (getDataSource)",
        ),
        (
            'gadget.source("in").field("nope", str)',
            "gadgetInit: program.py:3: there is no field 'nope' of source 'in' (dataSourceGetField)",
        ),
        (
            'gadget.source("in").add_field("a", str)',
            "gadgetInit: program.py:3: cannot add field 'a' of source 'in': does it have one of that name? "
            "(dataSourceAddField)",
        ),
        (
            'gadget.source("in", array=True).on_array(print)',
            "gadgetInit: program.py:3: cannot subscribe to source 'in': is it of that type? "
            "(dataSourceSubscribe)",
        ),
        (
            'gadget.map("nope", gadget.Uint32, gadget.Uint32)',
            "gadgetStart: program.py:3: there is no map 'nope'; maps are there from gadgetStart on (getMap)",
        ),
    ],
)
def test_a_declaration_that_fails_fails_the_phase_and_names_its_line(
    host: Any, load: Any, declaration: str, message: str
) -> None:
    """One line in the log says where, what and by which function."""
    host.source("in", a=12)
    exports = load(f"import gadget\n\n{declaration}\n").exports
    assert exports.gadget_init() or exports.gadget_start() == 1
    assert host.logs == [(0, message)]


def test_the_line_is_the_authors_also_in_another_module(host: Any, load: Any) -> None:
    """A declaration in a module that the gadget imports is named by that file."""
    gadget = load("import helper\n", helper="import gadget\ngadget.source('nope')\n")
    assert gadget.init() == 1
    assert host.logs[0][1].startswith("gadgetInit: helper.py:2: there is no source 'nope'")


@pytest.mark.parametrize(
    "use",
    [
        'gadget.log.info("hello")',
        'gadget.param("x").value',
        'gadget.source("in").referenced',
        'gadget.new_source("out").emit({})',
        'gadget.new_source("out", array=True).emit([])',
        'gadget.source("in").handle',
        'gadget.map("m", gadget.Uint32, gadget.Uint32)[1]',
        'gadget.perf_reader("m", gadget.Uint32).read()',
        "gadget.syscall_name(1)",
        'gadget.kernel_symbol_exists("x")',
        "gadget.should_discard_mntns_id(1)",
    ],
)
def test_what_needs_the_host_at_module_level_says_so_and_where(load: Any, host: Any, use: str) -> None:
    """The error names the line and says what to do instead; the host is not called."""
    with pytest.raises(RuntimeError, match=r"^program\.py:2: this needs the host, .* call it in a hook"):
        load(f"import gadget\n{use}\n")
    assert host.calls == []


def test_declarations_in_a_hook_are_made_at_once(host: Any, run: Any) -> None:
    """A source that may be missing can be asked for where the error can be caught."""
    host.source("in", a=12)
    module = run(
        """
        import gadget
        found = []

        @gadget.on_init
        def look():
            for name in ("other", "in"):
                try:
                    source = gadget.source(name)
                except gadget.NotFoundError as error:
                    found.append((name, error.function))
                else:
                    a = source.field("a", str)
                    source.on_event(lambda event: found.append(event[a]))
        """
    ).module
    host.emit(host.sources["in"], {"a": b"x"})
    assert module.found == [("other", "getDataSource"), "x"]


def test_a_handle_goes_back_when_its_object_does(host: Any, run: Any) -> None:
    """Sources and fields that a hook only used for itself leave nothing behind."""
    host.source("in", a=12)
    run(
        """
        import gadget

        @gadget.on_start
        def look():
            for _ in range(5000):
                gadget.source("in").field("a", str)
        """
    )
    assert (host.logs, host.handles) == ([], {})


def test_close_gives_the_handle_back_and_use_is_an_error_from_then_on(host: Any, run: Any) -> None:
    """Closing twice is allowed."""
    host.source("in", a=12)
    module = run('import gadget\nsource = gadget.source("in")\na = source.field("a", str)\n').module
    for thing in (module.a, module.source):
        thing.close()
        thing.close()
        with pytest.raises(module.gadget.ReleasedError, match=r"program\.py:\d, is used after it was closed"):
            _ = thing.handle
    assert host.handles == {}


def test_referenced_tells_whether_a_source_is_hidden(host: Any, run: Any) -> None:
    """Until unreference() is called."""
    host.source("in", a=12)
    module = run('import gadget\nsource = gadget.source("in")\n').module
    assert module.source.referenced
    module.source.unreference()
    assert not module.source.referenced
    assert not host.sources["in"].referenced


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (
            "source.on_event(priority=1 << 31)(print)",
            "OverflowError: priority 2147483648 is not from -2147483648",
        ),
        (
            "source.on_event(priority=-(1 << 31) - 1)(print)",
            "OverflowError: priority -2147483649 is not from",
        ),
        ('source.on_event(priority="5")(print)', "TypeError: priority '5' is no int"),
        ("source.on_event(5)", "TypeError: a function is wanted, not 5"),
        ("source.field(5, str)", "TypeError: a str is wanted, not 5"),
        ('source.add_field(b"x", str)', "TypeError: a str is wanted, not b'x'"),
        ('source.add_field("x", str, tags=[1])', "TypeError: a str is wanted, not 1"),
        ('gadget.source(b"in")', "TypeError: a str is wanted, not b'in'"),
        ("gadget.new_source(None)", "TypeError: a str is wanted, not None"),
        ("gadget.param(1)", "TypeError: a str is wanted, not 1"),
        ("gadget.config.__setitem__(1, 2)", "TypeError: a str is wanted, not 1"),
        ('gadget.log.write(5, "x")', "ValueError: 5 is not a valid LogLevel"),
        ('gadget.log.enabled("info")', "ValueError: 'info' is not a valid LogLevel"),
        ("gadget.map(1, gadget.Uint32, gadget.Uint32)", "TypeError: a str is wanted, not 1"),
        ('gadget.map("m", 4, gadget.Uint32)', "TypeError: not a layout: 4"),
        ('gadget.new_map("m", 99, gadget.Uint32, gadget.Uint32, 1)', "ValueError: 99 is not a valid MapType"),
        (
            'gadget.new_map("m", gadget.MapType.Hash, gadget.Uint32, gadget.Uint32, -1)',
            "OverflowError: max_entries -1 is not from 0 to 4294967295",
        ),
        (
            'gadget.new_map("m", gadget.MapType.Hash, gadget.Uint32, gadget.Uint32, 1).put(1, 2, -1)',
            "OverflowError: flags -1 is not",
        ),
        ("gadget.Raw(-1)", "OverflowError: size -1 is not from 0"),
        ("gadget.Raw(1.5)", "TypeError: size 1.5 is no int"),
        ("gadget.perf_reader(None, gadget.Uint32, size=1 << 32)", "OverflowError: size 4294967296 is not"),
        ("gadget.perf_reader(None, gadget.String)", "TypeError: not a layout: gadget.String"),
        ("gadget.syscall_name(-1)", "OverflowError: system call -1 is not"),
        ("gadget.syscall_name(1.0)", "TypeError: system call 1.0 is no int"),
        ("gadget.syscall_id(1)", "TypeError: a str is wanted, not 1"),
        ("gadget.syscall_declaration(1)", "TypeError: a str is wanted, not 1"),
        ('gadget.kernel_symbol_exists(b"x")', "TypeError: a str is wanted, not b'x'"),
        ("gadget.should_discard_mntns_id(-1)", "OverflowError: mount namespace -1 is not"),
        (
            'gadget.new_source("out", array=True).emit([{1: 2}])',
            "TypeError: an event is indexed by fields, not by 1",
        ),
        (
            'gadget.new_source("out", array=True).array()[1.5]',
            "TypeError: 'float' object cannot be interpreted",
        ),
    ],
)
def test_arguments_of_the_wrong_type_never_reach_the_host(host: Any, run: Any, use: str, error: str) -> None:
    """In wasm they would end the module instead of raising."""
    host.source("in", a=12)
    gadget = run('import gadget\nsource = gadget.source("in")\n').module
    with pytest.raises((TypeError, ValueError, OverflowError)) as raised:
        eval(use, vars(gadget))
    assert f"{raised.type.__name__}: {raised.value}".startswith(error)


def test_objects_show_what_they_are(load: Any) -> None:
    """Their repr is for people."""
    module = load(
        """
        import gadget
        source = gadget.source("in")
        things = [source, source.field("a", str), gadget.Uint32, gadget.param("p"), gadget.Struct("I"),
                  gadget.map("m", gadget.Uint32, gadget.Raw(4)), gadget.perf_reader("e", gadget.Raw(8))]
        """
    ).module
    assert list(map(repr, module.things)) == [
        "<source 'in'>",
        "<field 'a' of source 'in'>",
        "gadget.Uint32",
        "<param 'p'>",
        "gadget.Struct('I')",
        "<map 'm'>",
        "<perf reader of map 'e'>",
    ]
