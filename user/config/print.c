/* SPDX-License-Identifier: GPL-2.0 */
/* The canonical form: one JSON tree, written as YAML or as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/config.h"
#include "config/endpoint.h"
#include "config/names.h"
#include "config/values.h"
#include "config/yaml.h"

/*
 * jansson's setters take over the value and refuse NULL, so a chain of them
 * needs no checks but this: whether any has failed.
 */
struct tree {
	json_t *object;
	bool failed;
};

static struct tree tree_new(void)
{
	json_t *object = json_object();

	return (struct tree){.object = object, .failed = !object};
}

static void put(struct tree *tree, const char *key, json_t *value)
{
	if (json_object_set_new(tree->object, key, value))
		tree->failed = true;
}

/* The tree's object, or NULL where something has failed. */
static json_t *tree_end(struct tree *tree)
{
	if (!tree->failed)
		return tree->object;
	json_decref(tree->object);
	return NULL;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *duration(uint64_t nsec)
{
	char text[VALUE_DURATION_SIZE];

	value_print_duration(nsec, text);
	return json_string(text);
}

static json_t *duration_or_null(uint64_t nsec)
{
	return nsec ? duration(nsec) : json_null();
}

static json_t *count_or_null(uint32_t count)
{
	return count ? json_integer(count) : json_null();
}

static json_t *endpoint_text(const struct config_endpoint *endpoint, unsigned int forms)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, forms, text);
	return json_string(text);
}

static json_t *endpoints(const struct config_endpoints *list, unsigned int forms)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		if (json_array_append_new(array, endpoint_text(&list->items[i], forms))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *strings(const struct config_strings *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		if (json_array_append_new(array, json_string(list->items[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *health_check(const struct config_health_check *check)
{
	struct tree tree = tree_new();

	put(&tree, "model", json_string(config_model_names[check->model]));
	put(&tree, "interval", duration_or_null(check->interval));
	put(&tree, "timeout", duration_or_null(check->timeout));
	put(&tree, "fall", count_or_null(check->fall));
	put(&tree, "rise", count_or_null(check->rise));
	put(&tree, "probers", endpoints(&check->probers, ENDPOINT_PROBER));
	return tree_end(&tree);
}

static json_t *slow(const struct config_slow *slow)
{
	struct tree tree;

	if (!slow->over)
		return json_null();
	tree = tree_new();
	put(&tree, "signal", json_string(config_signal_names[slow->signal]));
	put(&tree, "over", duration(slow->over));
	put(&tree, "rate", json_real(slow->rate));
	put(&tree, "for", duration(slow->hold));
	return tree_end(&tree);
}

static json_t *half_open(const struct config_breaker *breaker)
{
	struct tree tree = tree_new();

	put(&tree, "share", json_real(breaker->half_open_share));
	put(&tree, "connections", json_integer(breaker->half_open_connections));
	return tree_end(&tree);
}

static json_t *breaker(const struct config_breaker *breaker)
{
	struct tree tree = tree_new();

	put(&tree, "mode", json_string(config_mode_names[breaker->mode]));
	put(&tree, "window", duration(breaker->window));
	put(&tree, "min_connections", json_integer(breaker->min_connections));
	put(&tree, "failure_rate", json_real(breaker->failure_rate));
	put(&tree, "slow", slow(&breaker->slow));
	put(&tree, "consecutive_failures", json_integer(breaker->consecutive_failures));
	put(&tree, "on_flapping", json_boolean(breaker->on_flapping));
	put(&tree, "action", json_string(config_action_names[breaker->action]));
	put(&tree, "redirect_to",
	    breaker->redirect_to.port ? endpoint_text(&breaker->redirect_to, ENDPOINT_TARGET)
				      : json_null());
	put(&tree, "probes", json_string(config_probes_names[breaker->probes]));
	put(&tree, "open_for", duration(breaker->open_for));
	put(&tree, "open_for_max", duration(breaker->open_for_max));
	put(&tree, "half_open", half_open(breaker));
	return tree_end(&tree);
}

static json_t *service(const struct config_service *service)
{
	const char *key = service->role == SHUNT_ROLE_CLIENT ? "outbound" : "inbound";
	struct tree tree = tree_new();

	put(&tree, "name", json_string(service->name));
	put(&tree, key, endpoints(&service->endpoints, ENDPOINT_OUTBOUND));
	put(&tree, "cgroup", text_or_null(service->cgroup));
	put(&tree, "netns", json_string(config_netns_names[service->netns_any]));
	put(&tree, "health_check", health_check(&service->health_check));
	put(&tree, "breaker", breaker(&service->breaker));
	return tree_end(&tree);
}

static json_t *services(const struct config *config)
{
	json_t *array = json_array();

	for (size_t i = 0; i < config->services_count; i++) {
		if (json_array_append_new(array, service(&config->services[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *guards(const struct config_guards *guards)
{
	struct tree tree = tree_new();

	put(&tree, "max_open", json_integer(guards->max_open));
	put(&tree, "max_open_share", json_real(guards->max_open_share));
	put(&tree, "protect", endpoints(&guards->protect, ENDPOINT_PROTECT));
	put(&tree, "lease", duration(guards->lease));
	return tree_end(&tree);
}

static json_t *alerts(const struct config *config)
{
	struct tree tree = tree_new();

	put(&tree, "alertmanager", strings(&config->alertmanager));
	put(&tree, "webhook", strings(&config->webhook));
	return tree_end(&tree);
}

static json_t *journal(const struct config_journal *journal)
{
	char size[VALUE_SIZE_SIZE];
	struct tree tree = tree_new();

	value_print_size(journal->max_size, size);
	put(&tree, "keep", duration(journal->keep));
	put(&tree, "max_size", json_string(size));
	return tree_end(&tree);
}

static json_t *listen_text(const struct config *config)
{
	bool brackets = strchr(config->listen_host, ':');

	return json_sprintf("%s%s%s:%u", brackets ? "[" : "", config->listen_host,
			    brackets ? "]" : "", config->listen_port);
}

static json_t *canonical(const struct config *config)
{
	struct tree tree = tree_new();

	put(&tree, "listen", listen_text(config));
	put(&tree, "allowed_hosts", strings(&config->allowed_hosts));
	put(&tree, "control", json_string(config->control));
	put(&tree, "state_dir", json_string(config->state_dir));
	put(&tree, "discover", json_boolean(config->discover));
	put(&tree, "max_services", json_integer(config->max_services));
	put(&tree, "interfaces", strings(&config->interfaces));
	put(&tree, "services", services(config));
	put(&tree, "guards", guards(&config->guards));
	put(&tree, "alerts", alerts(config));
	put(&tree, "journal", journal(&config->journal));
	return tree_end(&tree);
}

int config_print(const struct config *config, FILE *out)
{
	json_t *tree = canonical(config);

	if (!tree)
		return -ENOMEM;
	yaml_print(tree, out);
	json_decref(tree);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int config_print_json(const struct config *config, char **ret_json)
{
	/* Nine digits give back every share that can be written, as in values.h. */
	const size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(9);
	json_t *tree = canonical(config);
	char *text = NULL;
	size_t size;
	int err = -ENOMEM;

	/* Not json_dumps(), which drops keys silently when memory runs out. */
	size = json_dumpb(tree, NULL, 0, flags);
	if (size)
		text = malloc(size + 1);
	if (text && json_dumpb(tree, text, size, flags) == size) {
		text[size] = '\0';
		*ret_json = text;
		text = NULL;
		err = 0;
	}
	free(text);
	json_decref(tree);
	return err;
}

uint64_t config_hash(const struct config *config)
{
	/* http://www.isthe.com/chongo/tech/comp/fnv/: offset basis and prime. */
	uint64_t hash = 0xcbf29ce484222325;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return 0;
	if (config_print(config, out) | fclose(out))
		size = 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3;
	free(text);
	return size ? hash : 0;
}
