/* SPDX-License-Identifier: GPL-2.0 */
#include "serve/headers.h"

#include <errno.h>
#include <microhttpd.h>

/* What is no page needs nothing. */
#define HTTP_POLICY "default-src 'none'; frame-ancestors 'none'"

int headers_add(struct MHD_Response *response, const struct answer *answer)
{
	const char *const headers[][2] = {
		{MHD_HTTP_HEADER_CONTENT_TYPE, answer->type},
		{MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
		{"Content-Security-Policy", answer->policy ? answer->policy : HTTP_POLICY},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{answer->status == 503 ? MHD_HTTP_HEADER_RETRY_AFTER : NULL, "5"},
		{answer->status == 405 ? MHD_HTTP_HEADER_ALLOW : NULL, "GET, HEAD"},
		{answer->gzip ? MHD_HTTP_HEADER_CONTENT_ENCODING : NULL, "gzip"},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (headers[i][0] &&
		    MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES)
			return -ENOMEM;
	}
	return 0;
}
