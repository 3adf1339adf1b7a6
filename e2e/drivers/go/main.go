// Gets a token with golang.org/x/oauth2/clientcredentials: a request as JSON on standard input, the answer on
// standard output (see ../../clients/driver.py).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type request struct {
	Issuer     string            `json:"issuer"`
	ClientID   string            `json:"client_id"`
	Secret     string            `json:"secret"`
	Method     string            `json:"method"`
	Parameters map[string]string `json:"parameters"`
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	config := clientcredentials.Config{
		ClientID:       asked.ClientID,
		ClientSecret:   asked.Secret,
		TokenURL:       asked.Issuer + "/connect/token",
		AuthStyle:      oauth2.AuthStyleInHeader,
		EndpointParams: url.Values{},
	}
	if asked.Method == "post" {
		config.AuthStyle = oauth2.AuthStyleInParams
	}
	for name, value := range asked.Parameters {
		if name == "scope" {
			config.Scopes = []string{value}
		} else {
			config.EndpointParams.Set(name, value)
		}
	}
	token, err := config.Token(context.Background())
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode != "" {
		say(map[string]any{"refused": refused.ErrorCode})
		return
	}
	if err != nil {
		fail(err)
	}
	say(map[string]any{"done": map[string]any{
		"access_token": token.AccessToken,
		"token_type":   token.TokenType,
		"expires_in":   int(time.Until(token.Expiry).Seconds()),
	}})
}

func say(answer any) {
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
