/* Aimed at: sg_deck_next, sg_deck_excerpt, sg_deck_echo, and sg_rac_translate with the lexer and
 * the grammar below it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/racdcert/command.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* What fails says why; what is shown is bounded and holds no control characters. */
static void check_error(const struct sg_error *err, sg_status status)
{
    require(err->status == status && status != SG_OK && status != SG_E_INTERNAL);
    require(err->code[0] != '\0' && err->text[0] != '\0');
}

static void show(struct sg_deck_command *command)
{
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, (size_t)4 * SG_DECK_COMMAND_MAX);
    require(command->fault <= command->text.len);
    const struct sg_place place = sg_deck_place(command, command->fault);
    require(place.line >= 1 && place.column >= 1);
    require(sg_deck_excerpt(command, &out, &err) == SG_OK);
    require(out.len < 2000);
    for (size_t i = 0; i < out.len; i++) {
        require(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] != 0x7f));
    }
    require(sg_deck_echo(command, 200, &out, &err) == SG_OK);
}

static void translate(struct sg_deck_command *command, const char *own)
{
    SG_RAC_REQUEST request = SG_RAC_REQUEST_INIT;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_rac_context context = {.own = own, .now_s = 1795000000};
    sg_status s = sg_rac_translate((struct sg_bytes){command->text.data, command->text.len},
                                   &context, &request, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        require(request.fault + request.fault_len <= command->text.len);
        command->fault = request.fault;
        command->fault_len = request.fault_len;
        show(command);
        return;
    }
    require(request.task == SG_RAC_NOTHING || request.operation != NULL);
    for (unsigned i = 0; i < request.step_count; i++) {
        require(request.steps[i].operation != NULL);
    }
    for (unsigned i = 0; i < request.local_count; i++) {
        require(sg_param_find(request.operation, request.locals[i].param) != NULL);
        require(strchr(request.locals[i].value, '/') == NULL);
    }
    const char *name;
    json_t *value;
    json_object_foreach(request.params, name, value)
    {
        require(sg_param_find(request.operation, name) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_deck deck;
    struct sg_error err = SG_ERROR_INIT;
    SG_DECK_COMMAND command;
    sg_deck_command_init(&command);
    if (sg_deck_begin(&deck, (struct sg_bytes){data, size}, &err) != SG_OK) {
        check_error(&err, SG_E_LIMIT);
        return 0;
    }
    for (;;) {
        struct sg_error failure = SG_ERROR_INIT;
        const size_t before = deck.at;
        sg_status s = sg_deck_next(&deck, &command, &failure);
        if (s != SG_OK) {
            check_error(&failure, s);
            require(deck.at > before);
            show(&command);
            continue;
        }
        if (command.text.len == 0) {
            require(deck.broken || deck.at == size);
            return 0;
        }
        require(command.text.len <= SG_DECK_COMMAND_MAX);
        show(&command);
        translate(&command, NULL);
        translate(&command, "ME");
    }
}
