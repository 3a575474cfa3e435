/* SPDX-License-Identifier: MIT
 *
 * Numbers: the USB ID repository (linux-usb.org/usb.ids) and the makers' own manuals. Classes:
 * USB-IF's defined class codes; DFU 1.1 section 4.2.1 (protocol 1: run time, 2: DFU mode). UF2
 * bootloaders are drives: those of Adafruit's numbers below 0x8000, of others where they are known,
 * and of anybody's whose label ends in BOOT, as is the custom (github.com/microsoft/uf2).
 */
#include "usb/known.h"

#include "base/str.h"

#include <string.h>

#define CLASS_STORAGE 0x08
#define CLASS_HUB 0x09
#define CLASS_CDC 0x02
#define CDC_ACM 0x02
#define CLASS_APPLICATION 0xfe
#define APPLICATION_DFU 0x01

#define IDS(vendor_id, first_id, last_id) \
    .vendor = (vendor_id), .first = (first_id), .last = (last_id)
#define ID(vendor_id, product_id) IDS(vendor_id, product_id, product_id)
#define OPENOCD(file) .way = USB_WAY_OPENOCD, .openocd = (file)
#define CMSIS_DAP OPENOCD("cmsis-dap"), .number_only = true /* OpenOCD 0.12 ignores its location */
#define UF2 .class = CLASS_STORAGE, .way = USB_WAY_DRIVE

static const struct usb_known table[] = {
    {USB_PROBE, "ST-LINK/V1", ID(0x0483, 0x3744)},
    {USB_PROBE, "ST-LINK/V2", ID(0x0483, 0x3748), OPENOCD("stlink")},
    {USB_PROBE, "ST-LINK/V2-1", IDS(0x0483, 0x374a, 0x374b), OPENOCD("stlink")},
    {USB_PROBE, "ST-LINK/V2-1", ID(0x0483, 0x3752), OPENOCD("stlink")},
    {USB_PROBE, "STLINK-V3 in its loader", ID(0x0483, 0x374d)},
    {USB_PROBE, "STLINK-V3", IDS(0x0483, 0x374e, 0x374f), OPENOCD("stlink")},
    {USB_PROBE, "STLINK-V3", IDS(0x0483, 0x3753, 0x3757), OPENOCD("stlink")},
    {USB_PROBE, "Black Magic Probe", ID(0x1d50, 0x6018), .way = USB_WAY_GDB},
    {USB_PROBE, "Black Magic Probe in its loader", ID(0x1d50, 0x6017)},
    /* Its protocol is known to Raspberry Pi's fork of OpenOCD alone; as a Debug Probe it is
     * CMSIS-DAP. */
    {USB_PROBE, "Picoprobe", ID(0x2e8a, 0x0004)},
    {USB_PROBE, "Raspberry Pi Debug Probe", ID(0x2e8a, 0x000c), CMSIS_DAP},
    /* Of the chip itself, and OpenOCD 0.12 writes no ESP's flash. */
    {USB_PROBE, "ESP USB-JTAG", ID(0x303a, 0x1001), .way = USB_WAY_ESPTOOL},
    {USB_PROBE, "ESP USB Bridge", ID(0x303a, 0x1002), .way = USB_WAY_ESPTOOL},
    {USB_PROBE, "WCH-Link", IDS(0x1a86, 0x8010, 0x8010)},
    {USB_PROBE, "CMSIS-DAP", .word = "CMSIS-DAP", CMSIS_DAP},
    {USB_PROBE, "J-Link", IDS(0x1366, 0x0001, 0xffff), OPENOCD("jlink")},

    {USB_BOOTLOADER, "STM32 bootloader", ID(0x0483, 0xdf11), .way = USB_WAY_DFU},
    {USB_BOOTLOADER, "GD32 bootloader", ID(0x28e9, 0x0189), .way = USB_WAY_DFU},
    {USB_BOOTLOADER, "AT32 bootloader", ID(0x2e3c, 0xdf11), .way = USB_WAY_DFU},
    {USB_BOOTLOADER, "APM32 bootloader", ID(0x314b, 0x0106), .way = USB_WAY_DFU},
    {USB_BOOTLOADER, "LPC bootloader", ID(0x1fc9, 0x000c), .way = USB_WAY_DFU},
    {USB_BOOTLOADER, "RP2040 BOOTSEL", ID(0x2e8a, 0x0003), .way = USB_WAY_DRIVE,
     .same_number = true},
    {USB_BOOTLOADER, "RP2350 BOOTSEL", ID(0x2e8a, 0x000f), .way = USB_WAY_DRIVE},
    {USB_BOOTLOADER, "UF2 bootloader", IDS(0x239a, 0x0001, 0x7fff), UF2},
    {USB_BOOTLOADER, "UF2 bootloader", ID(0x2886, 0x002f), UF2},
    {USB_BOOTLOADER, "UF2 bootloader", IDS(0x2886, 0x0044, 0x0045), UF2},
    {USB_BOOTLOADER, "UF2 bootloader", .label = "BOOT", UF2},
    {USB_BOOTLOADER, "SAM-BA bootloader", ID(0x03eb, 0x6124)},
    {USB_BOOTLOADER, "AVR FLIP bootloader", IDS(0x03eb, 0x2fe2, 0x2fff)},
    {USB_BOOTLOADER, "i.MX RT bootloader", ID(0x1fc9, 0x0130)},
    {USB_BOOTLOADER, "DFU bootloader", .class = CLASS_APPLICATION, .subclass = APPLICATION_DFU,
     .protocol = 2, .way = USB_WAY_DFU},
    {USB_RUNTIME, "firmware with DFU", .class = CLASS_APPLICATION, .subclass = APPLICATION_DFU,
     .protocol = 1, .way = USB_WAY_DFU},

    {USB_SERIAL, "FTDI FT232R", ID(0x0403, 0x6001)},
    {USB_SERIAL, "FTDI FT2232", ID(0x0403, 0x6010)},
    {USB_SERIAL, "FTDI FT4232", ID(0x0403, 0x6011)},
    {USB_SERIAL, "FTDI FT232H", ID(0x0403, 0x6014)},
    {USB_SERIAL, "FTDI FT-X", ID(0x0403, 0x6015)},
    {USB_SERIAL, "CP210x", IDS(0x10c4, 0xea60, 0xea63)},
    {USB_SERIAL, "CP2105", ID(0x10c4, 0xea70)},
    {USB_SERIAL, "CP2108", ID(0x10c4, 0xea71)},
    {USB_SERIAL, "CH340", ID(0x1a86, 0x7522)},
    {USB_SERIAL, "CH340", ID(0x1a86, 0x7523)},
    {USB_SERIAL, "CH341", ID(0x1a86, 0x5523)},
    {USB_SERIAL, "CH342", ID(0x1a86, 0x55d2)},
    {USB_SERIAL, "CH343", ID(0x1a86, 0x55d3)},
    {USB_SERIAL, "CH9102", ID(0x1a86, 0x55d4)},
    {USB_SERIAL, "CH344", ID(0x1a86, 0x55d5)},
    {USB_SERIAL, "PL2303", ID(0x067b, 0x2303)},
    {USB_SERIAL, "PL2303G", IDS(0x067b, 0x23a3, 0x23f3)},
    {USB_SERIAL, "MCP2221", ID(0x04d8, 0x00dd)},
    {USB_SERIAL, "serial port", .class = CLASS_CDC, .subclass = CDC_ACM},

    {USB_HUB, "hub", .class = CLASS_HUB},
};

static bool says(const struct usb_device *device, const char *word)
{
    bool found = device->name && strstr(device->name, word);

    for (size_t i = 0; i < device->interface_count && !found; i++)
        found = device->interfaces[i].name && strstr(device->interfaces[i].name, word);
    return found;
}

static bool offers(const struct usb_device *device, const struct usb_known *row)
{
    for (size_t i = 0; i < device->interface_count; i++) {
        const struct usb_interface *interface = &device->interfaces[i];
        if (interface->class == row->class &&
            (!row->subclass || interface->subclass == row->subclass) &&
            (!row->protocol || interface->protocol == row->protocol))
            return true;
    }
    return false;
}

const struct usb_known *usb_know(const struct usb_device *device)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct usb_known *row = &table[i];
        if (row->vendor && (device->vendor != row->vendor || device->product < row->first ||
                            device->product > row->last))
            continue;
        if ((row->word && !says(device, row->word)) || (row->class && !offers(device, row)))
            continue;
        if (row->label && !(device->drive && str_ends(device->drive, row->label)))
            continue;
        return row;
    }
    return NULL;
}

const char *usb_kind_name(enum usb_kind kind)
{
    static const char *const names[] = {
        [USB_PROBE] = "probe",     [USB_BOOTLOADER] = "bootloader",
        [USB_RUNTIME] = "runtime", [USB_SERIAL] = "serial",
        [USB_HUB] = "hub",
    };

    return names[kind];
}
