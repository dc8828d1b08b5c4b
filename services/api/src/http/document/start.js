// Shows the document next to this page. The token that is typed in stays in the page and goes when it is closed.
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#document',
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  // Its default sends the document's address to a service on the internet.
  validatorUrl: null,
});
