// Leads a node of fake hardware through its life by gophercloud: an image is uploaded, the node is enrolled, deployed,
// released and deleted. Prints each state in which it rests; ends with status 1 and the reason if one does not come.
package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/gophercloud/gophercloud"
	"github.com/gophercloud/gophercloud/openstack"
	"github.com/gophercloud/gophercloud/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/imagedata"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/images"
)

const longestWait = 2 * time.Minute

func main() {
	if err := lead(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lead() error {
	options, err := openstack.AuthOptionsFromEnv()
	if err != nil {
		return err
	}
	provider, err := openstack.AuthenticatedClient(options)
	if err != nil {
		return err
	}
	region := gophercloud.EndpointOpts{Region: os.Getenv("OS_REGION_NAME")}
	image, err := uploadImage(provider, region)
	if err != nil {
		return err
	}
	client, err := openstack.NewBareMetalV1(provider, region)
	if err != nil {
		return err
	}
	client.Microversion = "1.72"
	return leadNode(client, image)
}

func uploadImage(provider *gophercloud.ProviderClient, region gophercloud.EndpointOpts) (string, error) {
	client, err := openstack.NewImageServiceV2(provider, region)
	if err != nil {
		return "", err
	}
	image, err := images.Create(client, images.CreateOpts{Name: "lifecycle", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
	if err != nil {
		return "", err
	}
	return image.ID, imagedata.Upload(client, image.ID, bytes.NewReader(make([]byte, 1<<20))).ExtractErr()
}

func leadNode(client *gophercloud.ServiceClient, image string) error {
	node, err := nodes.Create(client, nodes.CreateOpts{
		Name:       "lifecycle",
		Driver:     "fake-hardware",
		Properties: map[string]interface{}{"cpus": 4, "memory_mb": 8192, "local_gb": 100, "cpu_arch": "x86_64"},
	}).Extract()
	if err != nil {
		return err
	}
	fmt.Println(node.ProvisionState)
	if err := change(client, node.UUID, nodes.TargetManage, nodes.Manageable); err != nil {
		return err
	}
	if err := change(client, node.UUID, nodes.TargetProvide, nodes.Available); err != nil {
		return err
	}
	wanted := map[string]interface{}{"image_source": image, "root_gb": 10}
	patch := nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.AddOp, Path: "/instance_info", Value: wanted}}
	if _, err := nodes.Update(client, node.UUID, patch).Extract(); err != nil {
		return err
	}
	if err := change(client, node.UUID, nodes.TargetActive, nodes.Active); err != nil {
		return err
	}
	if err := change(client, node.UUID, nodes.TargetDeleted, nodes.Available); err != nil {
		return err
	}
	if err := nodes.Delete(client, node.UUID).ExtractErr(); err != nil {
		return err
	}
	_, err = nodes.Get(client, node.UUID).Extract()
	if _, isGone := err.(gophercloud.ErrDefault404); !isGone {
		return fmt.Errorf("the deleted node is still there: %v", err)
	}
	fmt.Println("gone")
	return nil
}

// The node is asked again and again, as gophercloud has no wait of its own.
func change(client *gophercloud.ServiceClient, uuid string, target nodes.TargetProvisionState, state nodes.ProvisionState) error {
	if err := nodes.ChangeProvisionState(client, uuid, nodes.ProvisionStateOpts{Target: target}).ExtractErr(); err != nil {
		return err
	}
	for deadline := time.Now().Add(longestWait); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		node, err := nodes.Get(client, uuid).Extract()
		if err != nil {
			return err
		}
		if node.ProvisionState == string(state) {
			fmt.Println(node.ProvisionState)
			return nil
		}
		if node.TargetProvisionState == "" || node.LastError != "" {
			return fmt.Errorf("after %s the node is in state %s: %s", target, node.ProvisionState, node.LastError)
		}
	}
	return fmt.Errorf("after %s the node did not reach the state %s", target, state)
}
