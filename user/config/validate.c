/* SPDX-License-Identifier: GPL-2.0 */
#include "config/validate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/endpoint.h"
#include "config/values.h"

#define PATH_SIZE 96

/* One endpoint, and whose. */
struct claim {
	const struct config_service *service;
	const struct config_endpoint *endpoint;
};

static const char *list_key(const struct config_service *service)
{
	return service->role == SHUNT_ROLE_CLIENT ? "outbound" : "inbound";
}

static void refuse(const struct outline *outline, struct complaints *complaints, const char *path,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void refuse(const struct outline *outline, struct complaints *complaints, const char *path,
		   const char *format, ...)
{
	char text[COMPLAINTS_TEXT_MAX - PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	complaints_add(complaints, outline_line(outline, path), "%s: %s", path, text);
}

static void validate_redirect(const struct config_service *service, size_t number,
			      const struct outline *outline, struct complaints *complaints)
{
	const struct config_endpoint *target = &service->breaker.redirect_to;
	char endpoint[ENDPOINT_TEXT_MAX];
	char path[PATH_SIZE];
	char text[ENDPOINT_TEXT_MAX];

	snprintf(path, sizeof(path), "services[%zu].breaker.redirect_to", number);
	if (!target->port) {
		if (service->breaker.action == CONFIG_ACTION_REDIRECT)
			refuse(outline, complaints, path,
			       "is missing, expected ADDRESS:PORT for the action redirect");
		return;
	}
	for (size_t i = 0; i < service->endpoints.count; i++) {
		if (!endpoint_contains(&service->endpoints.items[i], target))
			continue;
		endpoint_format(target, ENDPOINT_PORT, text);
		endpoint_format(&service->endpoints.items[i], ENDPOINT_PORT, endpoint);
		refuse(outline, complaints, path,
		       "%s is the service itself (%s), expected another endpoint", text, endpoint);
		return;
	}
}

void validate_service(const struct config_service *service, size_t number,
		      const struct outline *outline, struct complaints *complaints)
{
	const struct config_breaker *breaker = &service->breaker;
	char longest[VALUE_DURATION_SIZE];
	char first[VALUE_DURATION_SIZE];
	char path[PATH_SIZE];

	validate_redirect(service, number, outline, complaints);
	if (breaker->action == CONFIG_ACTION_DRAIN && service->role == SHUNT_ROLE_CLIENT) {
		snprintf(path, sizeof(path), "services[%zu].breaker.action", number);
		refuse(outline, complaints, path,
		       "drain refuses the probers of an inbound service, and this one is outbound");
	}
	if (breaker->open_for > breaker->open_for_max) {
		snprintf(path, sizeof(path), "services[%zu].breaker.open_for", number);
		value_print_duration(breaker->open_for, first);
		value_print_duration(breaker->open_for_max, longest);
		refuse(outline, complaints, path, "%s is longer than open_for_max, which is %s",
		       first, longest);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct config_service *const *left = a;
	const struct config_service *const *right = b;
	int order = strcmp((*left)->name, (*right)->name);

	return order ? order : (*left > *right) - (*left < *right);
}

static int validate_names(const struct config *config, const struct outline *outline,
			  struct complaints *complaints)
{
	const struct config_service **sorted;
	char earlier[PATH_SIZE];
	char path[PATH_SIZE];

	sorted = calloc(config->services_count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < config->services_count; i++)
		sorted[i] = &config->services[i];
	qsort(sorted, config->services_count, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < config->services_count; i++) {
		if (!*sorted[i]->name || strcmp(sorted[i]->name, sorted[i - 1]->name) != 0)
			continue;
		snprintf(earlier, sizeof(earlier), "services[%zu].name",
			 (size_t)(sorted[i - 1] - config->services));
		snprintf(path, sizeof(path), "services[%zu].name",
			 (size_t)(sorted[i] - config->services));
		refuse(outline, complaints, path, "'%s' is the name of the service on line %zu too",
		       sorted[i]->name, outline_line(outline, earlier));
	}
	free(sorted);
	return 0;
}

/* Equal for two claims to the same connections; then by their place in the file. */
static int compare_scopes(const struct claim *a, const struct claim *b)
{
	const char *left = a->service->cgroup ? a->service->cgroup : "";
	const char *right = b->service->cgroup ? b->service->cgroup : "";
	int order = endpoint_compare(a->endpoint, b->endpoint);

	if (!order)
		order = (int)a->service->role - (int)b->service->role;
	if (!order)
		order = a->service->netns_any - b->service->netns_any;
	return order ? order : strcmp(left, right);
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *left = a;
	const struct claim *right = b;
	int order = compare_scopes(left, right);

	if (!order)
		order = (left->service > right->service) - (left->service < right->service);
	return order ? order
		     : (left->endpoint > right->endpoint) - (left->endpoint < right->endpoint);
}

static size_t format_claim(const struct claim *claim, const struct config *config,
			   const struct outline *outline, char path[static PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "services[%zu].%s[%zu]",
		 (size_t)(claim->service - config->services), list_key(claim->service),
		 (size_t)(claim->endpoint - claim->service->endpoints.items));
	return outline_line(outline, path);
}

static void complain_overlap(const struct claim *claim, const struct claim *earlier,
			     const struct config *config, const struct outline *outline,
			     struct complaints *complaints)
{
	char text[ENDPOINT_TEXT_MAX];
	char first[PATH_SIZE];
	char path[PATH_SIZE];
	size_t line;

	line = format_claim(earlier, config, outline, first);
	format_claim(claim, config, outline, path);
	endpoint_format(claim->endpoint, ENDPOINT_PORT, text);
	refuse(outline, complaints, path, "%s overlaps %s on line %zu", text, first, line);
}

static int validate_overlaps(const struct config *config, const struct outline *outline,
			     struct complaints *complaints)
{
	struct claim *claims;
	size_t count = 0;

	for (size_t i = 0; i < config->services_count; i++)
		count += config->services[i].endpoints.count;
	claims = calloc(count + 1, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < config->services_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t j = 0; j < service->endpoints.count; j++) {
			const struct config_endpoint *endpoint = &service->endpoints.items[j];

			if (endpoint->port) /* or it has been refused */
				claims[count++] = (struct claim){service, endpoint};
		}
	}
	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (compare_scopes(&claims[i], &claims[first]) != 0)
			first = i;
		else
			complain_overlap(&claims[i], &claims[first], config, outline, complaints);
	}
	free(claims);
	return 0;
}

int validate_services(const struct config *config, const struct outline *outline,
		      struct complaints *complaints)
{
	int err = validate_names(config, outline, complaints);

	return err ? err : validate_overlaps(config, outline, complaints);
}
